// Compiles every WXML with the platform's own compiler, and holds the markup to what a screen reader needs.

const fs = require('node:fs')
const path = require('node:path')
const { wxmlToJs } = require('miniprogram-compiler')

const ROOT = path.join(__dirname, '..')
const TAPS = /\b(?:bind|catch):?tap=/
// elements that tell their role themselves
const NATIVE = new Set(['button', 'switch', 'checkbox', 'radio', 'slider', 'input', 'textarea', 'picker', 'navigator'])
const NAMED = new Set(['switch', 'slider', 'input', 'textarea', 'picker', 'image', 'navigator', 'checkbox', 'radio'])

function wxmlFiles() {
  return fs
    .readdirSync(ROOT, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.wxml') && !file.includes('node_modules') && !file.includes('miniprogram_dist'))
}

function* tagsOf(text) {
  for (const match of text.matchAll(/<([a-z][a-z-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/g)) {
    yield { name: match[1], attributes: match[2], line: text.slice(0, match.index).split('\n').length }
  }
}

function complaints(file) {
  const found = []
  for (const { name, attributes, line } of tagsOf(fs.readFileSync(path.join(ROOT, file), 'utf8'))) {
    const say = (what) => found.push(`${file}:${line}: <${name}> ${what}`)
    const has = (attribute) => new RegExp(`\\b${attribute}="[^"]+"`).test(attributes)
    const isSentence = /class="tts-sentence/.test(attributes) // plain text to a reader; the buttons do the same
    if (TAPS.test(attributes) && !NATIVE.has(name) && !isSentence && !has('aria-role')) say('能点，却没有 aria-role')
    const isControl = /aria-role="(button|link|dialog)"/.test(attributes) || NAMED.has(name)
    if (isControl && !has('aria-label')) say('没有 aria-label')
  }
  return found
}

const compiled = wxmlToJs(ROOT, { maxBuffer: 16 << 20 })
if (!compiled) throw new Error('WXML 编译没有结果')
const files = wxmlFiles()
const found = files.flatMap(complaints)
found.forEach((complaint) => console.error(complaint))
if (found.length) process.exitCode = 1
else console.log(`WXML：${files.length} 个文件，编译通过，可点的都有名称`)
