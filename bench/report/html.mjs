// The report of a run as one page that needs nothing else: its screen, figures, verdicts, and the machine they hold for.
import { experiments } from '../experiments/index.mjs'
import { colourOf, drawChart } from './charts.mjs'
import { controlText } from './control.mjs'
import { figures } from './figures.mjs'
import { formatMeasured } from './format.mjs'
import { lockTable } from './locks.mjs'
import { commitText, machine, needsReason } from './markdown.mjs'
import { screenOf } from './screen.mjs'
import { cellTable } from './table.mjs'

/**
 * `texts` are the tables of experiments that measure for themselves, by experiment, and `load` how busy the machine was.
 * @typedef {{
 *   environment: import('../experiments/index.mjs').Environment, rows: import('../harness/verdict.mjs').Row[], cells: import('../harness/run.mjs').Measured[],
 *   control: import('../harness/control.mjs').Control, load?: Parameters<typeof import('../harness/other-load.mjs').loadText>[0],
 *   texts: Record<string, string>
 * }} Run
 */

/** @param {Run} run */
export function htmlReport(run) {
  const { environment, rows, cells, control, texts } = run
  const { command } = environment
  const caption = `<code>${plainText(command)}</code> ${plainText(machine(environment))}`
  const drawn = figures(cells, environment.bufferPoolSize).map(({ title, text, chart }) => {
    const { wide, narrow } = drawChart(chart)
    return `<figure>
<h3>${plainText(title)}</h3>
<p>${plainText(text)}</p>
${legend(chart)}
<div class="wide" role="img" aria-label="${plainText(title)}">${wide}</div>
<div class="narrow" role="img" aria-label="${plainText(title)}">${narrow}</div>
<figcaption>${caption}</figcaption>
</figure>`
  })
  const names = new Set(rows.map(({ experiment }) => experiment))
  const sections = experiments.filter(({ id }) => names.has(id)).map(experiment => section(experiment, rows, texts))
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>faultless: ${plainText(command)}</title>
<style>${STYLE}</style>
<main>
<h1>Worker threads, processes and memory maps, measured</h1>
<pre class="screen">${plainText(screenOf(run))}</pre>
<p>Commit ${plainText(commitText(environment))}. Means of passes with 95 % intervals. ${plainText(controlText(control))}.</p>
${drawn.length > 0 ? `<h2>Figures</h2>\n${drawn.join('\n')}` : ''}
${tableSection('Throughput of all cells', cellTable(cells), caption)}
${tableSection('Throughput and the lock, side by side', lockTable(cells), caption)}
<h2>Verdicts</h2>
${sections.join('\n')}
<h2>Environment</h2>
<details><summary>All that was recorded</summary><pre>${plainText(JSON.stringify(environment, null, 2))}</pre></details>
</main>
</html>
`
}

/** A dashed series is the other half of one that bears the name. @param {import('./charts.mjs').Chart} chart */
function legend({ series }) {
  const named = series.filter(({ dashed }) => !dashed)
  const items = named.map(({ name, hue }) => `<li><i style="background: ${colourOf(hue)}"></i>${plainText(name)}</li>`)
  return `<ul>${items.join('')}</ul>`
}

function section({ id, title, question }, rows, texts) {
  const own = rows.filter(({ experiment }) => experiment === id)
  return `<section>
<h3>${plainText(title)} <small>${plainText(id)}</small></h3>
<p>${plainText(question)}</p>
${table(['claim', 'source', 'here', 'verdict'], own.map(claimRow))}
${texts[id] ? `<details><summary>What was measured</summary><pre class="screen">${plainText(texts[id])}</pre></details>` : ''}
</section>`
}

function claimRow({ claim, source, measured, verdict, reason }) {
  const shown = needsReason(verdict) ? `: ${plainText(reason)}` : ''
  return [
    plainText(claim.text),
    plainText(`${source.author}: ${claim.figure}`),
    plainText(formatMeasured(measured)),
    `<span class="${verdict.replaceAll(' ', '-')}" title="${plainText(reason)}">${verdict}</span>${shown}`,
  ]
}

function tableSection(title, { head, rows }, caption) {
  if (rows.length === 0) return ''
  return `<h2>${title}</h2>
<figure>
${table(
  head,
  rows.map(cells => cells.map(plainText)),
)}
<figcaption>${caption}</figcaption>
</figure>`
}

/** On narrow screens each row becomes a card in which cells bear their heads. @param {string[]} head @param {string[][]} rows of HTML */
function table(head, rows) {
  const line = cells =>
    `<tr>${cells.map((cell, index) => `<td data-head="${plainText(head[index])}">${cell}</td>`).join('')}</tr>`
  return `<table>
<thead><tr>${head.map(text => `<th>${plainText(text)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map(line).join('\n')}
</tbody>
</table>`
}

/** @param {string} text */
function plainText(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

const STYLE = `
:root {
  --page: #fff; --text: #1b1f24; --soft: #57606a; --line: #6e7781; --grid: #d8dee4; --box: #f6f8fa;
  --good: #116329; --bad: #a40e26; --open: #6b4e00;
  --series-0: #0969da; --series-1: #bc4c00; --series-2: #1a7f37; --series-3: #bf3989;
  --series-4: #8250df; --series-5: #0f7c86; --series-6: #7d4e00; --series-7: #57606a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --text: #e6edf3; --soft: #9da7b3; --line: #8b949e; --grid: #30363d; --box: #161b22;
    --good: #56d364; --bad: #ff7b72; --open: #e3b341;
    --series-0: #58a6ff; --series-1: #ffa657; --series-2: #56d364; --series-3: #f778ba;
    --series-4: #bc8cff; --series-5: #39c5cf; --series-6: #e3b341; --series-7: #9da7b3;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { margin-top: 2.5rem; } h3 { margin: 0 0 .25rem; }
h3 small, figcaption, .source { color: var(--soft); }
h3 small { font-weight: normal; }
figure, section { margin: 1.5rem 0; padding: 16px; border: 1px solid var(--grid); border-radius: 8px; }
figure p, section p { margin: 0 0 .5rem; }
figure ul { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .5rem 0; padding: 0; font-size: .85rem; }
figure i { display: inline-block; width: 1em; height: .6em; margin-right: .4em; border-radius: 2px; }
figcaption { font-size: .8rem; margin-top: .5rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .85em; overflow-wrap: anywhere; white-space: pre-wrap; }
code, pre { background: var(--box); border-radius: 4px; padding: .1em .3em; }
pre.screen { padding: .8em; white-space: pre; overflow-x: auto; overflow-wrap: normal; line-height: 1.3; }
svg { display: block; width: 100%; height: auto; }
.narrow { display: none; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .5rem; border-bottom: 1px solid var(--grid); }
th { color: var(--soft); font-weight: 600; }
.reproduced { color: var(--good); font-weight: 600; } .contradicted { color: var(--bad); font-weight: 600; }
.undecided, .not-reproduced-here, .not-runnable-here { color: var(--open); font-weight: 600; }
@media (max-width: 600px) {
  .wide { display: none; } .narrow { display: block; }
  figure, section { padding: 12px; margin: 1rem -4px; }
  thead { display: none; }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--grid); }
  td { display: block; border: 0; padding: .1rem 0; overflow-wrap: anywhere; }
  td::before { content: attr(data-head) ': '; color: var(--soft); font-size: .8rem; }
}
`
