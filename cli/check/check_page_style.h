#pragma once

#include <string_view>

namespace millrace::cli {

/// Of the page that `millrace check --html` writes: follows the reader's light or dark.
inline constexpr std::string_view kPageStyle = R"css(
:root{color-scheme:light dark;--page:#f6f6f3;--card:#fff;--ink:#1c1d20;--soft:#62656d;
--line:#dcdcd6;--bar:#3b6ea8;--error:#b3261e;--error-bg:#fbe9e7;--warn:#8a5a00;--warn-bg:#fdf1d7;
--ok:#1d6b3a;--ok-bg:#e2f3e7}
@media(prefers-color-scheme:dark){:root{--page:#16171a;--card:#1f2125;--ink:#e8e8e6;--soft:#9da1aa;
--line:#34373d;--bar:#6fa3de;--error:#ff9d94;--error-bg:#43201d;--warn:#f2c56b;--warn-bg:#3c2f14;
--ok:#8bd6a5;--ok-bg:#193524}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0}h2{font-size:19px;margin:0 0 4px}h3{font-size:14px;margin:16px 0 8px;
color:var(--soft);font-weight:600}
h1 span,.badge{font-size:13px;font-weight:600;padding:2px 9px;border-radius:10px;
vertical-align:middle}
.ok{background:var(--ok-bg);color:var(--ok)}
.bad,.badge.error{background:var(--error-bg);color:var(--error)}
.badge.warning{background:var(--warn-bg);color:var(--warn)}
.sources,.place,.image,.rest,footer{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;
margin:14px 0 22px}
.figures div,nav,section{background:var(--card);border:1px solid var(--line);border-radius:8px}
.figures div{padding:10px 14px}.figures b{display:block;font-size:22px}
.figures span{color:var(--soft);font-size:13px}
nav{padding:6px 14px;margin-bottom:22px}nav table{width:100%;border-collapse:collapse}
nav th{text-align:left;font-size:12px;color:var(--soft);font-weight:600;padding:4px 10px 4px 0}
nav td{padding:4px 10px 4px 0;border-top:1px solid var(--line)}nav td:last-child{text-align:right}
a{color:inherit}
.number,nav th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
nav .number{width:90px}
section{padding:16px 18px;margin-bottom:18px}
.advice{margin:0 0 12px;color:var(--soft)}
.counts{margin:0 0 12px;padding-left:18px;font-size:14px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(205px,1fr));gap:12px}
article{border:1px solid var(--line);border-radius:7px;overflow:hidden;background:var(--page);
min-width:0}
article img{display:block;width:100%;height:170px;object-fit:contain;background:
repeating-conic-gradient(#8882 0 25%,#8881 0 50%) 0 0/16px 16px}
.none{height:170px;display:flex;align-items:center;justify-content:center;text-align:center;
padding:14px;color:var(--error);background:var(--error-bg);font-size:13px;overflow-wrap:anywhere;
overflow:hidden}
article p{margin:6px 10px;overflow-wrap:anywhere}
.message{font-weight:600;font-size:13px}
.caption{font-size:14px;max-height:150px;overflow:auto;white-space:pre-wrap;unicode-bidi:isolate}
.caption span{color:var(--soft);font-size:12px;white-space:nowrap}
.caption span.over{color:var(--error);font-weight:600}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:20px 28px}
figure{margin:0}figcaption{font-weight:600;margin-bottom:4px}
.chart{width:100%;border-collapse:collapse;font-size:13px}
.chart th{font-weight:400;text-align:right;width:88px;color:var(--soft);padding:1px 8px 1px 0;
white-space:nowrap}
.chart td.number{width:64px;padding-left:8px}
.chart i{display:block;height:12px;background:var(--bar);border-radius:2px;min-width:1px}
@media print{section,article{break-inside:avoid}}
)css";

}  // namespace millrace::cli
