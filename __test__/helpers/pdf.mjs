// A PDF file for tests.

import fs from 'node:fs'
import { join } from 'node:path'

/** What each page says. */
export const pages = Array.from({ length: 20 }, (_, i) => `This is page ${i + 1}`)

/** A file of these pages, each of which is filled up to 100 kB, so that a page is a small part of it; its path. */
export function pdfFile(folder) {
  const page = index => 4 + 2 * index
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${pages.map((_, i) => `${page(i)} 0 R`).join(' ')}] /Count ${pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]
  for (const [i, text] of pages.entries()) {
    const content = `BT /F 12 Tf 20 200 Td (${text}) Tj ET${' '.repeat(100_000)}`
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Resources << /Font << /F 3 0 R >> >> /Contents ${page(i) + 1} 0 R >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    )
  }
  let pdf = '%PDF-1.4\n'
  let table = '0000000000 65535 f \n'
  for (const [i, object] of objects.entries()) {
    table += `${String(pdf.length).padStart(10, '0')} 00000 n \n`
    pdf += `${i + 1} 0 obj\n${object}\nendobj\n`
  }
  const size = objects.length + 1
  pdf += `xref\n0 ${size}\n${table}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${pdf.length}\n%%EOF\n`
  const path = join(folder, 'report.pdf')
  fs.writeFileSync(path, pdf)
  return path
}
