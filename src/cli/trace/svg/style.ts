/** The style sheet of a picture: for light and for dark pages, and without anything from elsewhere. */
export const STYLE = `
svg{--bg:#fff;--fg:#1f2328;--dim:#656d76;--line:#d8dee4;--ok:#2f6fd0;--failed:#cf222e;--killed:#8250df;--other:#7d8590;--area:#b6d0f5}
@media(prefers-color-scheme:dark){svg{--bg:#0d1117;--fg:#e6edf3;--dim:#8b949e;--line:#2a313a;--ok:#3a72d0;--failed:#d03c3c;--killed:#8a5fd9;--other:#646d78;--area:#1d3a66}}
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
.ok{fill:var(--ok)}.failed{fill:var(--failed)}.killed{fill:var(--killed)}.running,.unknown{fill:var(--other)}
.bar:hover{fill-opacity:.75}
`.replaceAll('\n', '')
