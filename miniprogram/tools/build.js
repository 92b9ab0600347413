// tts-client/src → tts-client/miniprogram_dist. `--check` builds elsewhere and compares.
// The result is committed: WeChat DevTools opens the sample without Node, and copies the folder as it is.
const { execFileSync } = require('node:child_process')
const esbuild = require('esbuild')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const PACKAGE = path.join(__dirname, '..', 'tts-client')
const SOURCE = path.join(PACKAGE, 'src')
const COMPONENTS = ['tts-player', 'tts-button']
const SHORTEN = {
  json: (text) => JSON.stringify(JSON.parse(text)),
  wxml: (text) => text.replace(/\n\s*/g, '\n'),
  wxss: (text) => esbuild.transformSync(text, { loader: 'css', minify: true }).code,
}
const MAX_BYTES = 40 * 1024

function build(out) {
  const dist = path.join(out, 'miniprogram_dist')
  // names that are used inside the package only, and members that begin with _ because they are private, get shorter
  const options = { mangleProps: /^(_[a-z]\w*|anonymous|onCancel|persist|urgency|urgent)$/, bundle: true, format: 'cjs', target: 'es2018', charset: 'utf8', minify: true, lineLimit: 500, logLevel: 'error' }
  esbuild.buildSync({ ...options, entryPoints: [path.join(SOURCE, 'index.ts')], outfile: path.join(dist, 'index.js') })
  for (const name of COMPONENTS) {
    // components share the one client in ../index, so they must not bring a copy of it
    const entryPoints = [path.join(SOURCE, name, 'index.ts')]
    esbuild.buildSync({ ...options, entryPoints, external: ['../index'], outfile: path.join(dist, name, 'index.js') })
    for (const kind of ['json', 'wxml', 'wxss']) {
      const text = fs.readFileSync(path.join(SOURCE, name, `index.${kind}`), 'utf8')
      fs.writeFileSync(path.join(dist, name, `index.${kind}`), SHORTEN[kind](text))
    }
  }
  const tsc = require.resolve('typescript/bin/tsc')
  const types = ['--emitDeclarationOnly', '--declarationDir', dist]
  execFileSync(process.execPath, [tsc, '-p', path.join(PACKAGE, 'tsconfig.json'), ...types], { stdio: 'inherit' })
}

function filesOf(folder) {
  if (!fs.existsSync(folder)) return new Map()
  const names = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    names
      .map((entry) => path.join(entry.parentPath || entry.path, entry.name))
      .sort()
      .map((file) => [path.relative(folder, file), fs.readFileSync(file)]),
  )
}

function check() {
  const fresh = fs.mkdtempSync(path.join(os.tmpdir(), 'tts-client-'))
  try {
    build(fresh)
    const stale = []
    const [made, kept] = [fresh, PACKAGE].map((folder) => filesOf(path.join(folder, 'miniprogram_dist')))
    for (const name of new Set([...made.keys(), ...kept.keys()])) {
      if (!made.has(name) || !kept.has(name) || !made.get(name).equals(kept.get(name))) stale.push(name)
    }
    if (stale.length) fail(`与源码不一致：${stale.join('、')}。请运行 npm run build 并提交。`)
  } finally {
    fs.rmSync(fresh, { recursive: true })
  }
}

function fail(message) {
  console.error(message)
  process.exitCode = 1
}

function weigh() {
  // types are read by editors and do not reach the phone
  const shipped = [...filesOf(path.join(PACKAGE, 'miniprogram_dist'))].filter(([name]) => !name.endsWith('.d.ts'))
  const bytes = shipped.reduce((sum, [, data]) => sum + data.length, 0)
  console.log(`tts-client：${(bytes / 1024).toFixed(1)} KB（上限 ${MAX_BYTES / 1024} KB）`)
  if (bytes > MAX_BYTES) fail('tts-client 超过了体积上限。')
}

if (process.argv.includes('--check')) check()
else {
  fs.rmSync(path.join(PACKAGE, 'miniprogram_dist'), { recursive: true, force: true })
  build(PACKAGE)
}
weigh()
