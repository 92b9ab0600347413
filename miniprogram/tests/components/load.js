// Loads a component of the package, or a page of the sample, as the platform would: WXML compiled, WXSS applied.

const path = require('node:path')
const simulate = require('miniprogram-simulate')
const { createTtsClient, useTtsClient } = require('../../tts-client/miniprogram_dist')
const { Phone } = require('../phone')

const ROOT = path.join(__dirname, '..', '..')
const OPTIONS = { compiler: 'official', compilerOptions: { maxBuffer: 4 << 20 }, rootPath: ROOT }

/** Once per path and test file: a component's script is required, and registers itself only then. */
function load(file, tag) {
  return simulate.load(path.join(ROOT, file), tag, OPTIONS)
}

/** A phone whose `wx` is everybody's, with a client on it. */
function newPhone() {
  const phone = new Phone()
  for (const name of Object.keys(phone)) if (typeof phone[name] === 'function' && name !== 'answer') global.wx[name] = phone[name]
  const client = createTtsClient({ baseUrl: 'https://tts.test', wx: phone })
  useTtsClient(client)
  return { phone, client }
}

function render(id, properties) {
  const component = simulate.render(id, properties)
  const parent = document.createElement('div')
  document.body.appendChild(parent)
  component.attach(parent)
  return component
}

/** Let promises and a little time pass. */
const pass = (ms = 20) => simulate.sleep(ms)

/** Elements that a screen reader stops at, as [role, label]. */
function spoken(component) {
  const found = []
  const visit = (element) => {
    if (element.getAttribute('aria-hidden') === 'true') return
    const role = element.getAttribute('aria-role')
    if (role) found.push([role, element.getAttribute('aria-label') || element.textContent.trim()])
    for (const child of element.children) visit(child)
  }
  visit(component.dom)
  return found
}

module.exports = { load, newPhone, render, pass, spoken, simulate, ROOT }
