"""The style sheet: light, dark, phone and paper; it loads no font or picture."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--paper:#fcfcfa;--ink:#1d2126;--quiet:#5b646e;--rule:#d9dce0;--panel:#f1f3f4;--blue:#0072b2;
--orange:#c04d00;--green:#00785a;--grey:#8a9199;--red:#b3261e;--yes:#e2f3ec;--no:#fbe6e3;--open:#fdf1d8;--amber:#8a5a00}
@media (prefers-color-scheme:dark){:root{--paper:#15181c;--ink:#e6e8ea;--quiet:#a3abb3;--rule:#363c43;--panel:#1e2328;
--blue:#56b4e9;--orange:#f0924f;--green:#3fc79f;--grey:#7d858d;--red:#ff8a80;--yes:#12362b;--no:#41201c;--open:#3a2f14;--amber:#f2c14e}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:66rem;padding:1rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.2rem;margin:2.4rem 0 .6rem;border-top:1px solid var(--rule);padding-top:1rem}
h3{font-size:1rem;margin:1.2rem 0 .4rem}p{margin:.5rem 0}a{color:var(--blue)}
nav ul{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;list-style:none;padding:0;margin:.8rem 0;font-size:.9rem}
li{margin:.2rem 0}
.verdict{border-left:.5rem solid;border-radius:.3rem;padding:.8rem 1rem;margin:1rem 0}
.verdict p:first-child{font-size:1.35rem;font-weight:650;margin:0 0 .4rem}
.may-go{background:var(--yes);border-color:var(--green)}.may-not-go{background:var(--no);border-color:var(--red)}
.undecided{background:var(--open);border-color:var(--amber)}
.missing{background:var(--panel);padding:.5rem .8rem;border-left:.25rem solid var(--grey)}
.note,.legend,caption,figcaption,summary{font-size:.88rem;color:var(--quiet)}
figcaption strong{color:var(--ink);font-size:.95rem}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:1.2rem;align-items:start}
figure{margin:.6rem 0;min-width:0}svg{display:block;width:100%;max-width:40rem;height:auto;margin:.4rem 0}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem}.key{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;
margin-right:.35rem;vertical-align:-1px;background:currentColor}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.85rem;margin:.4rem 0}caption{text-align:left;padding:.2rem 0}
th,td{padding:.22rem .6rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap;vertical-align:top}
th:first-child{text-align:left}th[scope=row]{white-space:normal;min-width:8rem}
thead th{color:var(--quiet);font-weight:600}
th[scope=row]{text-align:left;font-weight:500}.source{white-space:normal;display:inline-block;min-width:14rem;text-align:left}.n{font-variant-numeric:tabular-nums}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr));gap:.5rem 1.4rem;margin:.5rem 0}
dt{font-size:.82rem;color:var(--quiet)}dd{margin:0}code{font-size:.82rem;overflow-wrap:anywhere}
details{margin:.3rem 0}summary{cursor:pointer}
.ink{fill:var(--ink)}.quiet{fill:var(--quiet)}.onfill{fill:var(--paper)}
.grid line,line.grid{stroke:var(--rule);stroke-width:1}line.axis{stroke:var(--quiet);stroke-width:1}
line.mark{stroke:var(--red);stroke-width:1.4;stroke-dasharray:5 3}
rect.frame{fill:none;stroke:var(--rule)}rect.cell{fill:var(--panel)}
.whisker{stroke-width:2.2}.curve{fill:none;stroke-width:1.8}.dots{fill:none}
.fill.float,.fill.blue,.fill.series0{fill:var(--blue)}.fill.integer,.fill.orange,.fill.wrong,.fill.series1{fill:var(--orange)}
.fill.green,.fill.series2{fill:var(--green)}.fill.both,.fill.grey,.fill.series3{fill:var(--grey)}.fill.right{fill:var(--blue)}
.fill.series4{fill:var(--red)}.fill.series5{fill:var(--amber)}.fill.series6{fill:var(--quiet)}.fill.series7{fill:var(--ink)}
.dots.float,.curve.float,.curve.blue,.whisker.float,.whisker.blue{stroke:var(--blue)}
.dots.integer,.curve.integer,.curve.orange,.whisker.integer,.whisker.orange{stroke:var(--orange)}
.curve.green,.whisker.green{stroke:var(--green)}.dots.both,.curve.grey,.whisker.grey{stroke:var(--grey)}
.key.float,.key.blue,.key.series0,.key.right{color:var(--blue)}.key.integer,.key.orange,.key.series1,.key.wrong{color:var(--orange)}
.key.green,.key.series2{color:var(--green)}.key.both,.key.grey,.key.series3{color:var(--grey)}.key.series4{color:var(--red)}
.key.series5{color:var(--amber)}.key.series6{color:var(--quiet)}.key.series7{color:var(--ink)}
footer{margin:2.5rem 0 1rem;border-top:1px solid var(--rule);padding-top:.8rem;font-size:.82rem;color:var(--quiet)}
@media (max-width:32rem){body{padding:.7rem;font-size:15px}h1{font-size:1.3rem}th,td{padding:.2rem .4rem}}
@media print{:root{--paper:#fff;--ink:#000;--quiet:#444;--rule:#bbb;--panel:#f3f3f3;--blue:#0072b2;--orange:#c04d00;
--green:#00785a;--grey:#777;--red:#b3261e;--yes:#fff;--no:#fff;--open:#fff;--amber:#8a5a00}
body{max-width:none;padding:0;font-size:10.5pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}nav,details{display:none}
h2{break-after:avoid}figure,.verdict,tr{break-inside:avoid}.scroll{overflow:visible}table{font-size:8pt}
th,td{white-space:normal;padding:.1rem .3rem}.grid{grid-template-columns:1fr 1fr}@page{margin:15mm}}
""".strip()
