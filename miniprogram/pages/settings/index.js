const { getTtsClient } = require('../../tts-client/miniprogram_dist/index')
const preferences = require('../../preferences')

Page({
  data: {
    /** @type {Array<{ name: string, title: string }>} */
    voices: [{ name: 'female', title: '女声' }],
    speaker: 'female',
    voiceId: '',
    speed: 1,
    voice: {},
    background: true,
    trial: '您好，这是现在的声音。',
    cached: '',
    problem: '',
  },

  onShow() {
    this.setData({ ...preferences.get(), voice: preferences.voice() })
    void this.listVoices()
    void this.weigh()
  },

  async listVoices() {
    try {
      const { voices } = await getTtsClient().voices()
      this.setData({ voices, problem: '' })
    } catch (error) {
      this.setData({ problem: /** @type {Error} */ (error).message })
    }
  },

  async weigh() {
    const bytes = await getTtsClient().cache.bytes()
    this.setData({ cached: `${(bytes / 1e6).toFixed(1)} MB` })
  },

  /** @param {WechatMiniprogram.RadioGroupChange} event */
  onSpeaker(event) {
    this.change({ speaker: event.detail.value, voiceId: '' })
  },

  /** @param {WechatMiniprogram.SliderChange} event */
  onSpeed(event) {
    this.change({ speed: event.detail.value / 100 })
  },

  /** @param {WechatMiniprogram.SwitchChange} event */
  onBackground(event) {
    this.change({ background: event.detail.value })
  },

  /** @param {{ speaker?: string, voiceId?: string, speed?: number, background?: boolean }} change */
  change(change) {
    preferences.set(change)
    this.setData({ ...change, voice: preferences.voice() })
  },

  async onClear() {
    await getTtsClient().cache.clear()
    await this.weigh()
    wx.showToast({ title: '已清理', icon: 'none' })
  },
})
