/**
 * The style sheet of a picture, for light and for dark pages, and the patterns of what did not end
 * well. White letters can be read on all of the colours of bars.
 */
const STYLE = `
svg{--bg:#fff;--fg:#1f2328;--dim:#656d76;--line:#d8dee4;--area:#cfdcf0;--failed:#cf222e;--killed:#9c2f8f;--other:#6e7781}
.p0{fill:#2c6bd1}.p1{fill:#0b7d83}.p2{fill:#6a57c8}.p3{fill:#8a640f}.p4{fill:#2d7d3a}.p5{fill:#5a6978}
@media(prefers-color-scheme:dark){svg{--bg:#0d1117;--fg:#e6edf3;--dim:#8b949e;--line:#2a313a;--area:#1c2f4d;--failed:#d63a41;--killed:#b046a3}}
text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12px;fill:var(--fg);white-space:pre}
.h{font-size:15px;font-weight:600}
.d{fill:var(--dim)}
.s{font-size:11px;fill:var(--dim)}
.w{fill:var(--failed)}
.i{font-size:11px;fill:#fff;pointer-events:none}
.g{stroke:var(--line);fill:none;shape-rendering:crispEdges}
.a{fill:var(--area)}
.bg{fill:var(--bg)}
.f{fill:var(--bg);fill-opacity:.5;pointer-events:none}
.failed{fill:url(#kq-failed)}.killed{fill:url(#kq-killed)}.running,.unknown{fill:var(--other)}
.bar:hover{fill-opacity:.75}
`.replaceAll('\n', '')

function pattern(outcome: 'failed' | 'killed', angle: number): string {
  return `<pattern id="kq-${outcome}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(${angle})"><path d="M0 0H5V5H0Z" style="fill:var(--${outcome})"/><path d="M0 0H1.5V5H0Z" fill-opacity=".3"/></pattern>`
}

/** Stands before everything else. */
export const HEAD = `<style>${STYLE}</style>\n<defs>${pattern('failed', 45)}${pattern('killed', -45)}</defs>`
