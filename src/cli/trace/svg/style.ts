/**
 * The style sheet of a picture, for light and for dark pages, without variables, which not all viewers know, and the patterns of what did not end
 * well. White letters can be read on all of the colours of bars.
 */
const STYLE = `
.p0{fill:#2c6bd1}.p1{fill:#0b7d83}.p2{fill:#6a57c8}.p3{fill:#8a640f}.p4{fill:#2d7d3a}.p5{fill:#5a6978}
text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12px;fill:#1f2328;white-space:pre}
.h{font-size:15px;font-weight:600}
.d{fill:#656d76}
.s{font-size:11px;fill:#656d76}
.w,.pf{fill:#cf222e}
.pk{fill:#9c2f8f}
.i{font-size:11px;fill:#fff;pointer-events:none}
.g{stroke:#d8dee4;fill:none;shape-rendering:crispEdges}
.a{fill:#cfdcf0}
.bg{fill:#fff}
.f{fill:#fff;fill-opacity:.5;pointer-events:none}
.failed{fill:url(#kq-failed)}.killed{fill:url(#kq-killed)}.running,.unknown{fill:#6e7781}
.bar:hover{fill-opacity:.75}
@media(prefers-color-scheme:dark){.bg,.f{fill:#0d1117}text{fill:#e6edf3}.d,.s{fill:#8b949e}.i{fill:#fff}.g{stroke:#2a313a}.a{fill:#1c2f4d}.w,.pf{fill:#d63a41}.pk{fill:#b046a3}}
`.replaceAll('\n', '')

function pattern(outcome: 'failed' | 'killed', style: string, angle: number): string {
  return `<pattern id="kq-${outcome}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(${angle})"><path d="M0 0H5V5H0Z" class="${style}"/><path d="M0 0H1.5V5H0Z" fill-opacity=".3"/></pattern>`
}

/** Stands before everything else. */
export const HEAD = `<style>${STYLE}</style>\n<defs>${pattern('failed', 'pf', 45)}${pattern('killed', 'pk', -45)}</defs>`
