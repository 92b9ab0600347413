const { getTtsClient } = require('../../tts-client/miniprogram_dist/index')
const preferences = require('../../preferences')

const SAMPLE = `清晨的湖边，薄雾还没有散去。几只白鹭站在浅水里，一动不动。
远处传来摇橹的声音，一下，又一下，像是有人在轻轻地翻书。
老人说，这片湖一百年前就是这个样子。他说话的时候，雾慢慢地亮了起来。`

/** @type {import('../../tts-client/miniprogram_dist/index').Task<import('../../tts-client/miniprogram_dist/index').JobResult> | undefined} */
let job

Page({
  data: {
    editing: true,
    draft: SAMPLE,
    text: '',
    title: '',
    voice: {},
    background: true,
    making: false,
    percent: 0,
    /** @type {{ url: string, minutes: string } | null} */
    made: null,
    problem: '',
  },

  onUnload() {
    this.stopMaking()
  },

  /** @param {WechatMiniprogram.TextareaInput} event */
  onInput(event) {
    this.setData({ draft: event.detail.value })
  },

  onRead() {
    const text = this.data.draft.trim()
    if (!text) return
    const [title = ''] = text.split('\n')
    const { background } = preferences.get()
    this.setData({ editing: false, text, title: title.slice(0, 30), voice: preferences.voice(), background, made: null, problem: '' })
  },

  onEdit() {
    this.stopMaking()
    this.setData({ editing: true })
  },

  onEnded() {
    wx.showToast({ title: '读完了', icon: 'none' })
  },

  // 长文任务：整篇在服务器上做成一个文件，手机可以睡
  async onMake() {
    if (job) return this.stopMaking()
    this.setData({ making: true, percent: 0, made: null, problem: '' })
    const task = getTtsClient().job(this.data.text, {
      ...preferences.voice(),
      onProgress: ({ progress }) => this.setData({ percent: Math.floor(progress * 100) }),
    })
    job = task
    try {
      const { url, durationS } = await task
      this.setData({ made: { url, minutes: (durationS / 60).toFixed(1) } })
    } catch (error) {
      const { code, message } = /** @type {import('../../tts-client/miniprogram_dist/index').TtsError} */ (error)
      if (code !== 'cancelled') this.setData({ problem: message })
    }
    if (job === task) job = undefined
    this.setData({ making: false })
  },

  stopMaking() {
    if (job) job.cancel()
    job = undefined
  },

  onCopy() {
    if (this.data.made) wx.setClipboardData({ data: this.data.made.url })
  },
})
