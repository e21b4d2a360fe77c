// The links of a Markdown text and the headings that they can lead to, as GitHub names them.

import { dirname, posix } from 'node:path'
import { fromMarkdown } from 'mdast-util-from-markdown'

/** The anchor that GitHub gives a heading. @param {string} heading as it is written, in Markdown or as text */
export function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

/** The nodes of these types in the syntax tree of a text, in its order. @param {string} text @param {string[]} types */
export function nodesOf(text, types) {
  const found = []
  const visit = node => {
    if (types.includes(node.type)) found.push(node)
    for (const child of node.children ?? []) visit(child)
  }
  visit(fromMarkdown(text))
  return found
}

/** The anchors of all headings of a text. @param {string} text */
export function anchorsOf(text) {
  const textOf = node => node.value ?? node.children?.map(textOf).join('') ?? ''
  return nodesOf(text, ['heading']).map(heading => anchorOf(textOf(heading)))
}

/** Each link and picture of a text, those in HTML included: its URL, and the offset of that URL in the text. @param {string} text */
export function linksOf(text) {
  return nodesOf(text, ['link', 'image', 'definition', 'html']).flatMap(({ type, url, position }) => {
    const start = position.start.offset
    const source = text.slice(start, position.end.offset)
    if (type !== 'html') return [{ url, offset: start + source.lastIndexOf(url) }]
    return [...source.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g)].map(({ 0: attribute, 1: url, index }) => ({
      url,
      offset: start + index + attribute.indexOf(url),
    }))
  })
}

/** The file that a relative URL leads to, from the root of the repository, and the anchor. `undefined`: an absolute URL. */
export function targetOf(url, document) {
  if (/^(?:\w+:|\/\/)/.test(url)) return undefined
  const [path, anchor] = url.split('#')
  return { path: path === '' ? document : posix.normalize(posix.join(dirname(document), path)), anchor }
}

/** The page of a package's repository. @param {{ repository: { url: string } }} manifest */
export const pageOf = manifest => manifest.repository.url.replace(/^git\+/, '').replace(/\.git$/, '')

const PICTURE = /\.(?:svg|png|gif|jpe?g|webp)$/

/**
 * A text in which links to files of the repository are absolute, unless they are packed with it. The page of a registry
 * shows a README: it resolves relative links by the `repository` of the package, but not relative pictures.
 * @param {string} text
 * @param {string} document the path of the text, from the root of the repository
 * @param {{ page: string, ref: string }} repository its page on GitHub, and the tag or branch that links lead to
 * @param {(path: string) => boolean} [isPacked]
 */
export function withAbsoluteLinks(text, document, { page, ref }, isPacked = () => false) {
  const relative = linksOf(text).filter(({ url }) => targetOf(url, document) && !url.startsWith('#'))
  for (const { url, offset } of relative.sort((a, b) => b.offset - a.offset)) {
    const { path, anchor } = targetOf(url, document)
    if (isPacked(path) && !(document === 'README.md' && PICTURE.test(path))) continue
    const base = PICTURE.test(path) ? page.replace('//github.com/', '//raw.githubusercontent.com/') : `${page}/blob`
    const absolute = `${base}/${ref}/${path}${anchor === undefined ? '' : `#${anchor}`}`
    text = text.slice(0, offset) + absolute + text.slice(offset + url.length)
  }
  return text
}

/** The file of the repository that an absolute URL of `withAbsoluteLinks` leads to. `undefined`: another page. */
export function repositoryTarget(url, { page, ref }) {
  const [path, anchor] = url.split('#')
  const base = [`${page}/blob/${ref}/`, `${page.replace('//github.com/', '//raw.githubusercontent.com/')}/${ref}/`]
  const found = base.find(prefix => path.startsWith(prefix))
  return found && { path: path.slice(found.length), anchor }
}
