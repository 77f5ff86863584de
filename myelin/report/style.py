"""The style sheet: light, dark, phone and paper; it loads no font or picture."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--paper:#fcfcfa;--ink:#1d2126;--quiet:#5b646e;--rule:#d9dce0;--panel:#f1f3f4;--shade:#0003;
--blue:#0072b2;
--orange:#d55e00;--green:#009e73;--purple:#cc79a7;--grey:#9a9a9a;--dark:#222222;--gold:#e69f00;--sky:#56b4e9;--red:#b3261e;
--yes:#e2f3ec;--no:#fbe6e3;--open:#fdf1d8;--amber:#8a5a00}
@media (prefers-color-scheme:dark){:root{--paper:#15181c;--ink:#e6e8ea;--quiet:#a3abb3;--rule:#363c43;--panel:#1e2328;
--shade:#fff4;
--blue:#56b4e9;--orange:#f0924f;--green:#3fc79f;--purple:#e3a3c8;--grey:#7d858d;--dark:#e6e8ea;--gold:#e69f00;--sky:#b5dcf5;
--red:#ff8a80;--yes:#12362b;--no:#41201c;--open:#3a2f14;--amber:#f2c14e}}
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
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,25rem),1fr));gap:1.2rem;align-items:start}
figure{margin:.6rem 0;min-width:0}svg{display:block;width:100%;max-width:40rem;height:auto;margin:.4rem 0}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem}.key{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;
margin-right:.35rem;vertical-align:-1px;background:currentColor}
.scroll{overflow-x:auto;max-width:100%;background:linear-gradient(90deg,var(--paper) 2rem,transparent) 0 0/4rem 100% local,
linear-gradient(270deg,var(--paper) 2rem,transparent) 100% 0/4rem 100% local,
linear-gradient(90deg,var(--shade),transparent) 0 0/1rem 100% scroll,
linear-gradient(270deg,var(--shade),transparent) 100% 0/1rem 100% scroll;background-repeat:no-repeat}
.wide::before{content:"scrolls sideways →";display:none;position:sticky;left:0;width:max-content;font-size:.8rem;
color:var(--quiet)}
table{border-collapse:collapse;font-size:.85rem;margin:.4rem 0}caption{text-align:left;padding:.2rem 0}
th,td{padding:.22rem .6rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap;vertical-align:top}
th:first-child{text-align:left}th[scope=row]{white-space:normal;min-width:8rem}
thead th{color:var(--quiet);font-weight:600}
th[scope=row]{text-align:left;font-weight:500}td,th{overflow-wrap:normal}.source{white-space:normal;display:inline-block;
min-width:14rem;text-align:left}.n{font-variant-numeric:tabular-nums}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr));gap:.5rem 1.4rem;margin:.5rem 0}
dt{font-size:.82rem;color:var(--quiet)}dd{margin:0}code{font-size:.82rem;overflow-wrap:anywhere}
details{margin:.3rem 0}summary{cursor:pointer}
.ink{fill:var(--ink)}.quiet{fill:var(--quiet)}.onfill{fill:var(--paper)}
.grid line,line.grid{stroke:var(--rule);stroke-width:1}line.axis{stroke:var(--quiet);stroke-width:1}
line.mark{stroke:var(--red);stroke-width:1.4;stroke-dasharray:5 3}
rect.frame{fill:none;stroke:var(--rule)}rect.cell{fill:var(--panel)}
.whisker{stroke-width:2.2}.curve{fill:none;stroke-width:1.8}.dots{fill:none}
.fill.float,.fill.blue,.fill.series0{fill:var(--blue)}.fill.integer,.fill.orange,.fill.wrong,.fill.series1{fill:var(--orange)}
.fill.green,.fill.series2{fill:var(--green)}.fill.both,.fill.grey,.fill.series4{fill:var(--grey)}.fill.right{fill:var(--blue)}
.fill.series3{fill:var(--purple)}.fill.series5{fill:var(--dark)}.fill.series6{fill:var(--gold)}.fill.series7{fill:var(--sky)}
.dots.float,.curve.float,.curve.blue,.whisker.float,.whisker.blue{stroke:var(--blue)}
.dots.integer,.curve.integer,.curve.orange,.whisker.integer,.whisker.orange{stroke:var(--orange)}
.curve.green,.whisker.green{stroke:var(--green)}.dots.both,.curve.grey,.whisker.grey{stroke:var(--grey)}
.key.float,.key.blue,.key.series0,.key.right{color:var(--blue)}.key.integer,.key.orange,.key.series1,.key.wrong{
color:var(--orange)}
.key.green,.key.series2{color:var(--green)}.key.both,.key.grey,.key.series4{color:var(--grey)}
.key.series3{color:var(--purple)}.key.series5{color:var(--dark)}.key.series6{color:var(--gold)}.key.series7{color:var(--sky)}
footer{margin:2.5rem 0 1rem;border-top:1px solid var(--rule);padding-top:.8rem;font-size:.82rem;color:var(--quiet)}
@media (max-width:40rem){.wide::before{display:block}}
@media (max-width:32rem){body{padding:.7rem;font-size:15px}h1{font-size:1.3rem}th,td{padding:.2rem .4rem}}
@media print{:root{--paper:#fff;--ink:#000;--quiet:#444;--rule:#bbb;--panel:#f3f3f3;--shade:#fff0;--blue:#0072b2;
--orange:#d55e00;
--green:#009e73;--purple:#cc79a7;--grey:#888;--dark:#222;--gold:#e69f00;--sky:#56b4e9;--red:#b3261e;--yes:#fff;--no:#fff;
--open:#fff;
--amber:#8a5a00}
@page{size:A4;margin:12mm}
body{max-width:none;padding:0;font-size:9pt;line-height:1.35;overflow-wrap:normal;print-color-adjust:exact;
-webkit-print-color-adjust:exact}nav,details{display:none}
h1{font-size:15pt}h2{font-size:12pt;margin:1rem 0 .3rem;padding-top:.4rem}h3{font-size:10pt;margin:.6rem 0 .2rem}
h2,h3,h2+p,h2+div>p:first-child,caption,thead{break-after:avoid}.verdict,tr,dl,figure{break-inside:avoid}p,li{orphans:3;
widows:3}
.verdict{padding:.3rem .8rem;margin:.4rem 0}.verdict p:first-child{font-size:12pt}ul{margin:.2rem 0}li{margin:.05rem 0}
dl{grid-template-columns:repeat(4,1fr);gap:.2rem 1rem}
.grid{display:block;font-size:0;orphans:1;widows:1}.grid>*{font-size:9pt}
.grid>figure{display:inline-block;vertical-align:top;width:48.5%;margin:.2rem 1.5% .3rem 0}
figcaption,.legend,.note,dt,footer{font-size:7.5pt}footer{margin:.6rem 0 0;padding-top:.3rem}svg{max-width:76mm}
figcaption strong{font-size:8.5pt}svg{margin:.2rem 0}
.scroll{overflow:visible;background:none}.wide::before{display:none}table{font-size:7.5pt;margin:.2rem 0}
th,td{white-space:normal;padding:.08rem .25rem;overflow-wrap:normal;hyphens:manual}code{font-size:7pt;overflow-wrap:anywhere}}
""".strip()
