const { getTtsClient } = require('../../tts-client/miniprogram_dist/index')
const preferences = require('../../preferences')

/** @type {Record<string, string>} 服务端的情感名 → 显示的名字，见 GET /voices */
const FEELINGS = { happy: '开心', angry: '生气', sad: '难过', afraid: '害怕', surprised: '惊讶', gentle: '温柔' }

Page({
  data: {
    /** @type {Array<{ name: string, title: string }>} */
    voices: [{ name: 'female', title: '女声' }],
    speaker: 'female',
    voiceId: '',
    /** @type {Array<{ name: string, title: string }>} */
    feelings: [],
    emotion: '',
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
      const { voices, emotions = [] } = await getTtsClient().voices()
      const feelings = emotions.filter((name) => FEELINGS[name]).map((name) => ({ name, title: FEELINGS[name] }))
      this.setData({ voices, feelings: feelings.length ? [{ name: '', title: '平静' }, ...feelings] : [], problem: '' })
      const { emotion } = this.data
      if (emotion && !emotions.includes(emotion)) this.change({ emotion: '' }) // 换过模型：没有的心情会被拒绝
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

  /** @param {WechatMiniprogram.RadioGroupChange} event */
  onFeeling(event) {
    this.change({ emotion: event.detail.value })
  },

  /** @param {WechatMiniprogram.SliderChange} event */
  onSpeed(event) {
    this.change({ speed: event.detail.value / 100 })
  },

  /** @param {WechatMiniprogram.SwitchChange} event */
  onBackground(event) {
    this.change({ background: event.detail.value })
  },

  /** @param {{ speaker?: string, voiceId?: string, emotion?: string, speed?: number, background?: boolean }} change */
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
