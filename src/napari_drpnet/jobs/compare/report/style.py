"""How the page of a comparison looks, on the screen and on paper."""

STYLE = """
:root { --ink: #1d2430; --pale: #5d6675; --line: #d9dee6; --ground: #f5f7fa; --blue: #0072b2; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: var(--ink);
  max-width: 1180px; margin: 0 auto; padding: 32px 24px 64px; background: white; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 40px 0 12px; padding-bottom: 4px; border-bottom: 2px solid var(--line); }
h3 { font-size: 16px; margin: 20px 0 2px; } h3 + p { margin: 0 0 8px; }
.facts { color: var(--pale); margin: 0; }
.lead { font-size: 19px; margin: 18px 0 0; padding: 14px 18px; background: var(--ground);
  border-left: 5px solid var(--blue); }
.small, figcaption, dl.keys { font-size: 14px; color: var(--pale); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 15px; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { border-bottom: 2px solid var(--ink); white-space: nowrap; }
th.n, td.n { text-align: right; white-space: nowrap; }
tbody tr:hover { background: var(--ground); }
.matrix td, .matrix th { min-width: 92px; }
.matrix td small { display: block; opacity: .85; }
.matrix .none { color: var(--pale); }
.swatch { display: inline-block; width: 13px; height: 13px; margin-right: 8px; border-radius: 3px;
  vertical-align: -1px; }
dl.keys { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 14px 0 0; }
dl.keys dt { font-weight: 600; } dl.keys dd { margin: 0; }
.warn, .fail { margin-top: 28px; padding: 2px 18px 6px; border-left: 5px solid #e69f00; background: #fff8e8; }
.fail { border-color: #d55e00; background: #fff1e8; }
.warn h2, .fail h2 { margin: 12px 0 4px; font-size: 17px; border: 0; }
.warn ul, .fail ul { margin: 4px 0 10px; padding-left: 20px; }
li, td { overflow-wrap: anywhere; } td.n { overflow-wrap: normal; }
figure { margin: 0 0 22px; } figure img { display: block; width: 100%; height: auto; }
.found, .false, .missed { padding: 1px 7px; border-radius: 3px; background: #202020; font-weight: 600; }
.found { color: #00d69b; } .false { color: #ff7a1a; } .missed { color: #f0e442; }
pre { padding: 12px 16px; background: var(--ground); white-space: pre-wrap; overflow-wrap: anywhere; font-size: 14px; }
svg { width: 100%; max-width: 760px; height: auto; display: block; }
@page { margin: 16mm 14mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  table { font-size: 9pt; } th, td { padding: 3px 6px; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  h2, section > .small { break-after: avoid; } tr, figure, svg, .lead { break-inside: avoid; }
  thead { display: table-header-group; }
}
"""
