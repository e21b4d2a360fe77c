// Where a link leads to a heading: the name that GitHub gives it.

/** @param {string} heading as it is written, in Markdown or as text */
export function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}
