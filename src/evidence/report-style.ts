/**
 * The report's only style. Colours are told apart by people who see no red and green (Okabe and
 * Ito's palette), and none carries a meaning that a letter or a word does not carry too.
 */
export const REPORT_STYLE = `
:root{color-scheme:light dark;--bg:#fbfaf7;--card:#fff;--ink:#1c1f24;--dim:#646b76;--line:#e2dfd8;
--old:#e9b872;--both:#b9a5d6;--new:#7cc4b4;--foreign:#f08a6c;--missing:#fff;--on:#1c1f24;
--pass:#0a8f72;--refuse:#9aa2ae;--error:#e69f00;--fail:#c8321f;--band:#f1eee7;--accent:#0b6e8f}
@media(prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1c1f25;--ink:#e8e6e1;--dim:#9aa1ac;
--line:#32363f;--old:#c9924a;--both:#9680ba;--new:#4ca394;--foreign:#dd6a48;--missing:#1c1f25;
--on:#101215;--pass:#2fb596;--refuse:#6d7582;--error:#e0a52e;--fail:#f0604a;--band:#23272e;
--accent:#62b9d6}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:27px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:19px;margin:44px 0 12px}h3{font-size:15px;margin:22px 0 8px}
p{margin:0 0 10px}.dim{color:var(--dim)}.num{text-align:right;font-variant-numeric:tabular-nums}
.verdict{margin:22px 0;padding:18px 22px;border-radius:10px;background:var(--card);
border:1px solid var(--line);border-left:8px solid var(--pass)}
.verdict b{font-size:21px}.verdict ul{margin:6px 0 0;padding-left:20px}
.verdict.violated{border-left-color:var(--fail)}.verdict.unproven{border-left-color:var(--error)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:13px 16px}
.tile b{display:block;font-size:24px;line-height:1.25;font-variant-numeric:tabular-nums}
.tile span{color:var(--dim);font-size:13px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{padding:7px 12px;text-align:left;border-top:1px solid var(--line);vertical-align:top}
thead th{border-top:0;font-size:12px;color:var(--dim);font-weight:600;white-space:nowrap}
.mark{font-weight:700;white-space:nowrap}.ok{color:var(--pass)}.bad{color:var(--fail)}
.walk{display:flex;flex-wrap:wrap;gap:8px;align-items:stretch;margin:0 0 6px}
.state{flex:1 1 150px;border:1px solid var(--line);border-radius:10px;padding:10px 13px;
background:var(--card);opacity:.5}
.state.start{opacity:1}.state.seen{opacity:1;border-color:var(--accent);border-width:2px}.state b{display:block}
.state small{display:block;color:var(--dim)}.state .t{color:var(--accent);font-weight:600}
.arrow{align-self:center;color:var(--dim)}
.knob{display:flex;justify-content:space-between;font-size:12.5px;margin-top:4px;align-items:center}
.cell{display:inline-block;min-width:21px;padding:0 4px;border-radius:4px;text-align:center;
font:600 12px/19px ui-monospace,Menlo,Consolas,monospace;color:var(--on)}
.old{background:var(--old)}.both{background:var(--both)}.new{background:var(--new)}
.foreign{background:var(--foreign)}.missing{background:var(--missing);color:var(--fail);
outline:1.5px dashed var(--fail);outline-offset:-1.5px}.none{color:var(--dim);font-weight:400}
.same .cell{opacity:.55}.to{color:var(--dim);font-size:11px;padding:0 2px}
.matrix td,.matrix th{padding:4px 10px;white-space:nowrap}.matrix td.c,.matrix th.c{text-align:center}
.matrix tr.group th{background:var(--band);font-size:12px}
details{margin:8px 0}summary{cursor:pointer;padding:6px 0;font-weight:600}
summary .dim{font-weight:400}
.key{display:flex;flex-wrap:wrap;gap:6px 18px;font-size:13px;color:var(--dim);margin:8px 0}
.key i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:5px;vertical-align:-1px}
svg{display:block;width:100%;height:auto}
svg text{font:11px system-ui,sans-serif;fill:var(--dim)}svg .lane{fill:var(--ink);font-weight:600}
svg path{shape-rendering:crispEdges}svg .band{fill:var(--band)}svg .edge{stroke:var(--line)}
svg .pass{fill:var(--pass)}svg .refuse{fill:var(--refuse)}svg .error{fill:var(--error)}
svg .fail{fill:var(--fail)}svg .event{stroke:var(--accent);stroke-dasharray:2 2}
svg .pin{fill:var(--accent);font-weight:600}
ol.events{columns:2 340px;padding-left:26px;font-size:13.5px}code{font:13px ui-monospace,Menlo,monospace}
footer{margin-top:48px;color:var(--dim);font-size:13px}
@media print{body{background:#fff}details>*{display:block}}
`;
