// What the compiler knows of every export of an entry point: its types, as they are written, and its comments.

import { SyntaxKind } from 'typescript/unstable/ast'
import * as is from 'typescript/unstable/ast/is'
import { API, SymbolFlags } from 'typescript/unstable/sync'

/**
 * A comment: prose, in which `{@link name}` is left for the reader of it, and what its tags say.
 * @typedef {{ text: string, parameters: Record<string, string>, returns?: string, throws: string[], internal: boolean }} Doc
 *
 * @typedef {{ name: string, type: string, optional: boolean, initial?: string }} Parameter
 * @typedef {{ parameters: Parameter[], returns: string }} Call
 *
 * Something that belongs to a class, an interface or an object. What has calls is a method.
 * @typedef {{ name: string, calls: Call[], type?: string, optional: boolean, static: boolean, doc: Doc }} Member
 *
 * @typedef {{
 *   name: string, kind: 'class' | 'function' | 'object' | 'type', doc: Doc, calls: Call[], members: Member[],
 *   type?: string, heritage?: string
 * }} Export
 *
 * @typedef {{ doc: Doc, exports: Export[] }} EntryPoint
 */

/**
 * @param {string} root the folder of tsconfig.json @param {string[]} files relative to it, one for each entry point
 * @returns {EntryPoint[]}
 */
export function readEntryPoints(root, files) {
  const api = new API({ cwd: root })
  try {
    const config = `${root}/tsconfig.json`
    const { program, checker } = api.updateSnapshot({ openProjects: [config] }).getProject(config)
    return files.map(file => {
      const source = program.getSourceFile(`${root}/${file}`)
      const exports = checker.getExportsOfModule(checker.getSymbolAtLocation(source))
      return { doc: moduleDocOf(source.statements[0]), exports: exports.map(symbol => exportOf(checker, symbol)) }
    })
  } finally {
    api.close()
  }
}

function exportOf(checker, exported) {
  const symbol = target(checker, exported)
  const declarations = nodesOf(symbol)
  const [node] = declarations
  // What is exported as a type only cannot be made by a user.
  const typeOnly = nodesOf(exported).some(one => one.isTypeOnly || one.parent?.parent?.isTypeOnly)
  const entry = { name: exported.name, doc: docOf(node), calls: [], members: [] }
  if (is.isTypeAliasDeclaration(node)) return { ...entry, kind: 'type', type: node.type.getText() }
  if (is.isFunctionDeclaration(node)) {
    return { ...entry, kind: 'function', calls: [callOf(symbol, node)] }
  }
  if (is.isVariableDeclaration(node)) {
    const type = checker.getTypeOfSymbol(symbol)
    const calls = checker.getSignaturesOfType(type, CALL).map(call => callOf(symbol, call.declaration.resolve()))
    const own = node.type && !is.isTypeLiteralNode(node.type) ? [] : checker.getPropertiesOfType(type)
    const members = own.map(one => memberOf(checker, one))
    const kind = calls.length > 0 ? 'function' : 'object'
    return { ...entry, doc: docOf(node.parent.parent), kind, calls, members, ...(own.length === 0 && typeOf(node)) }
  }
  const heritage = node.heritageClauses?.map(clause => clause.getText()).join(' ')
  const members = membersOf(node).map(one => memberOf(checker, one))
  const kind = is.isClassDeclaration(node) && !typeOnly ? 'class' : 'type'
  return { ...entry, kind, members: members.filter(({ doc }) => !doc.internal), ...(heritage && { heritage }) }

  // Overloads of a method are one member. What a class overrides is told by what it derives from.
  function membersOf({ members }) {
    const shown = members.filter(
      one => one.name && !is.isPrivateIdentifier(one.name) && !one.modifiers?.some(isOverride),
    )
    return [...new Set(shown.map(one => checker.getSymbolAtLocation(one.name)))]
  }
}

/** SignatureKind.Call, which the module does not hand out as a value. */
const CALL = 0

const nodesOf = symbol => symbol.declarations.map(handle => handle.resolve())
const isOverride = ({ kind }) => kind === SyntaxKind.OverrideKeyword
const isStatic = ({ kind }) => kind === SyntaxKind.StaticKeyword

function target(checker, symbol) {
  return symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

/** @returns {Member} */
function memberOf(checker, symbol) {
  const declared = nodesOf(symbol)
  const [first] = declared
  // `{ tune }` has what its value has.
  const shorthand = is.isShorthandPropertyAssignment(first)
  const value = shorthand ? target(checker, checker.getShorthandAssignmentValueSymbol(first)) : symbol
  const nodes = shorthand ? nodesOf(value) : declared
  const doc = nodes.map(docOf).find(({ text }) => text !== '') ?? docOf(first)
  const found = nodes.filter(node => node.parameters && !is.isAccessorDeclaration(node))
  // The implementation of overloads cannot be called by its own signature.
  const overloads = found.filter(({ body }) => !body)
  const calls = overloads.length > 0 ? overloads : found
  return {
    name: symbol.name.startsWith('__@') ? first.name.getText() : symbol.name,
    calls: calls.map(node => callOf(value, node)).sort((a, b) => optionalOf(b) - optionalOf(a)),
    optional: first.questionToken !== undefined || first.postfixToken !== undefined,
    static: first.modifiers?.some(isStatic) ?? false,
    doc,
    ...(calls.length === 0 && (typeOf(first) ?? { type: checker.typeToString(checker.getTypeOfSymbol(symbol)) })),
  }
}

/** The overload with most optional parameters gives a method its heading. */
const optionalOf = ({ parameters }) => parameters.filter(({ optional }) => optional).length

const typeOf = ({ type }) => (type ? { type: type.getText() } : undefined)

/** @returns {Call} */
function callOf(symbol, { parameters, type, typeParameters = [] }) {
  // A parameter whose type is a type parameter takes what that must be.
  const bounds = new Map(
    typeParameters.map(({ name, constraint }) => [name.getText(), constraint?.getText() ?? 'unknown']),
  )
  const written = parameters.map(parameter => ({
    name: parameter.name.getText(),
    type: bounds.get(parameter.type.getText()) ?? parameter.type.getText(),
    optional: parameter.questionToken !== undefined || parameter.initializer !== undefined,
    ...(parameter.initializer && { initial: parameter.initializer.getText() }),
  }))
  if (!type) throw new Error(`${symbol.name}: its result has no written type`)
  return { parameters: written, returns: type.getText() }
}

const taggedOf = (comment, name) => comment?.tags?.filter(({ tagName }) => tagName.getText() === name) ?? []
const isOfModule = comment => taggedOf(comment, 'packageDocumentation').length > 0

/** What stands above the first statement, whose own comment may follow. */
const moduleDocOf = statement => docFrom(statement.jsDoc?.find(isOfModule))
const docOf = node => docFrom(node.jsDoc?.filter(comment => !isOfModule(comment)).at(-1))

/** @returns {Doc} */
function docFrom(comment) {
  const tagged = name => taggedOf(comment, name)
  const [returns] = tagged('returns')
  return {
    text: proseOf(comment?.comment),
    parameters: Object.fromEntries(tagged('param').map(tag => [tag.name.getText(), withoutDash(proseOf(tag.comment))])),
    throws: tagged('throws').map(tag => proseOf(tag.comment)),
    internal: tagged('internal').length > 0,
    ...(returns && { returns: proseOf(returns.comment) }),
  }
}

const withoutDash = text => text.replace(/^- /, '')

function proseOf(comment) {
  if (comment === undefined || typeof comment === 'string') return (comment ?? '').trim()
  return comment
    .map(part => (is.isJSDocLink(part) ? `{@link ${part.name?.getText() ?? ''}${part.text}}` : part.text))
    .join('')
    .trim()
}
