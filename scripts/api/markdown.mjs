// Exports and their comments as a page of Markdown.
import { anchorOf } from '../links.mjs'

/**
 * @typedef {import('./declarations.mjs').Export} Export
 * @typedef {import('./declarations.mjs').Member} Member
 * @typedef {import('./declarations.mjs').Call} Call
 * @typedef {import('./declarations.mjs').Doc} Doc
 *
 * What comments can link to, by the names that they may use: whether it can be called, and where the link leads.
 * @typedef {Map<string, { callable: boolean, anchor: string }>} Links
 */

const ORDER = ['class', 'function', 'object', 'type']

/** @param {{ name: string, doc: Doc, exports: Export[] }[]} modules what can be imported, by the name to import it from */
export function pageOf(modules) {
  const sorted = modules.map(module => ({ ...module, exports: ORDER.flatMap(kind => ofKind(module.exports, kind)) }))
  const links = linksTo(sorted.flatMap(({ exports }) => exports))
  const page = sorted.flatMap(({ name, doc, exports }) => [
    `## \`${name}\``,
    prose(doc.text, links),
    exports.map(({ name: own }) => `[${code(own)}](#${links.get(own).anchor})`).join(' · '),
    ...exports.flatMap(entry => section(entry, links)),
  ])
  return `${page.filter(Boolean).join('\n\n')}\n`
}

const ofKind = (exports, wanted) => exports.filter(({ kind }) => kind === wanted)

/** @returns {Links} */
function linksTo(exports) {
  const links = new Map()
  const anchors = new Set()
  const add = (name, callable, heading) => {
    const anchor = anchorOf(heading)
    if (anchors.has(anchor)) throw new Error(`two headings lead to #${anchor}`)
    anchors.add(anchor)
    links.set(name, { callable, anchor })
  }
  for (const entry of exports) {
    add(entry.name, entry.kind === 'function', headingOf(entry))
    if (entry.kind === 'type') continue
    for (const member of entry.members) {
      add(`${entry.name}.${member.name}`, member.calls.length > 0, memberHeading(entry, member))
    }
  }
  return links
}

function headingOf({ name, kind, calls }) {
  if (kind === 'class') return `Class: ${code(name)}`
  if (kind === 'type') return `Type: ${code(name)}`
  return code(kind === 'function' ? called(name, calls) : name)
}

function memberHeading(entry, member) {
  const owner =
    entry.kind === 'class' && !member.static ? `${entry.name[0].toLowerCase()}${entry.name.slice(1)}` : entry.name
  const name = member.name.startsWith('[') ? `${owner}${member.name}` : `${owner}.${member.name}`
  return code(member.calls.length > 0 ? called(name, member.calls) : name)
}

const called = (name, [{ parameters }]) =>
  `${name}(${parameters.map(parameter => parameter.name + mark(parameter)).join(', ')})`
const mark = ({ optional }) => (optional ? '?' : '')

function section(entry, links) {
  const { name, kind, doc, calls, members, type, heritage } = entry
  const context = { links, owner: name }
  const head = [
    `### ${headingOf(entry)}`,
    type && (kind === 'type' ? `= ${typed(type, links)}` : typed(type, links)),
    heritage && typed(heritage, links),
    prose(doc.text, links, name),
    ...calls.map(call => details(call, doc, context)),
    calls.length === 0 && failures(doc, 'Throws', context),
  ]
  if (kind === 'type') return [...head, members.map(member => item(member, context)).join('\n')]
  return [...head, ...members.flatMap(member => memberSection(entry, member, context))]
}

function memberSection(entry, member, context) {
  const { doc, type, calls } = member
  return [
    `#### ${memberHeading(entry, member)}`,
    type && typed(type, context.links),
    prose(doc.text, context.links, entry.name),
    ...calls.map(call => details(call, doc, context)),
  ]
}

/** What a call takes, gives and may fail with. @param {Call} call @param {Doc} doc */
function details({ parameters, returns }, doc, context) {
  const takes = parameters.map(({ name, type, optional, initial }) => {
    const may = optional ? `, ${initial ? `${code(initial)} by default` : 'optional'}` : ''
    return bullet(`${code(name)} ${typed(type, context.links)}${may}`, doc.parameters[name], context)
  })
  const later = /^Promise<(.*)>$/s.exec(returns)
  const gives =
    later?.[1] === 'void'
      ? bullet('resolves once that is done', doc.returns, context)
      : bullet(
          `${later ? 'resolves to' : 'returns'} ${typed(later?.[1] ?? returns, context.links)}`,
          doc.returns,
          context,
        )
  const nothing = returns === 'void' && !doc.returns
  const fails = failures(doc, later ? 'rejects with' : 'throws', context)
  return [...takes, ...(nothing ? [] : [gives]), ...(fails ? [fails] : [])].join('\n')
}

function failures({ throws }, word, context) {
  return throws.map(text => `- ${word} ${oneLine(prose(text, context.links, context.owner))}`).join('\n')
}

/** A member of a type. */
function item(member, context) {
  const { name, type, calls, doc } = member
  const written = calls.map(call => signature(name, call))
  const shown = written.length > 0 ? written : [`${name}${mark(member)}: ${type}`]
  return bullet(shown.map(text => typed(text, context.links)).join(' and '), doc.text, context)
}

const signature = (name, { parameters, returns }) =>
  `${name}(${parameters.map(parameter => `${parameter.name}${mark(parameter)}: ${parameter.type}`).join(', ')}): ${returns}`

function bullet(head, text, { links, owner }) {
  return text ? `- ${head}: ${oneLine(prose(text, links, owner))}` : `- ${head}`
}

/** @param {string} text */
const code = text => `\`${text}\``

/** Code in which the names of exports are links. @param {string} text @param {Links} links */
function typed(text, links) {
  const escaped = oneLine(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const linked = escaped.replace(/(?<![\w.'-])[A-Z]\w+/g, name => {
    const link = links.get(name)
    return link ? `<a href="#${link.anchor}">${name}</a>` : name
  })
  return `<code>${linked.replaceAll('|', '&#124;')}</code>`
}

/** The text of a comment, with its links. @param {string} text @param {Links} links @param {string} [owner] whose members are meant first */
function prose(text, links, owner) {
  return text.replace(/\{@link ([\w.]+)\}/g, (_, name) => {
    const link = links.get(`${owner}.${name}`) ?? links.get(name)
    if (!link) throw new Error(`a comment of ${owner} links to ${name}, which is not exported`)
    return `[${code(link.callable ? `${name}()` : name)}](#${link.anchor})`
  })
}

const oneLine = text => text.replace(/\s*\n\s*/g, ' ')
