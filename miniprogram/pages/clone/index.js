const { getTtsClient } = require('../../tts-client/miniprogram_dist/index')
const preferences = require('../../preferences')

const PURPOSE = '在本小程序内，用合成的声音朗读本人选择的文字'
const MIN_S = 3
const MAX_S = 30

/** @type {ReturnType<typeof setInterval>} */
let timer = 0
/** @type {WechatMiniprogram.InnerAudioContext | undefined} */
let listening

Page({
  data: {
    script: '今天的风很轻，阳光落在窗台上。我泡了一杯茶，听见远处有人在唱歌，忽然觉得日子可以过得很慢。',
    trial: '您好，很高兴用这个声音和您说话。',
    recording: false,
    seconds: 0,
    clip: '',
    title: '我的声音',
    person: '',
    asking: false,
    agreed: false,
    sending: false,
    statement: '',
    problem: '',
    voiceId: '',
    /** @type {Array<import('../../tts-client/miniprogram_dist/client').ClonedVoice & { voice: object }>} */
    cloned: [],
  },

  onLoad() {
    const recorder = wx.getRecorderManager()
    recorder.onStart(() => this.count())
    recorder.onStop(({ tempFilePath, duration }) => this.recorded(tempFilePath, duration / 1000))
    recorder.onError(({ errMsg }) => this.setData({ recording: false, problem: `录音没有成功：${errMsg}。请在右上角“设置”里允许使用麦克风。` }))
  },
  onShow() {
    this.setData({ voiceId: preferences.get().voiceId })
    void this.list()
  },
  onHide() {
    this.hush()
  },
  onUnload() {
    this.hush()
  },

  hush() {
    clearInterval(timer)
    if (this.data.recording) wx.getRecorderManager().stop()
    if (listening) listening.destroy()
    listening = undefined
  },

  onRecord() {
    const recorder = wx.getRecorderManager()
    if (this.data.recording) return recorder.stop()
    getTtsClient().stop()
    this.setData({ problem: '', clip: '' })
    recorder.start({ duration: MAX_S * 1000, sampleRate: 44100, numberOfChannels: 1, encodeBitRate: 128000, format: 'mp3' })
  },

  count() {
    this.setData({ recording: true, seconds: 0 })
    clearInterval(timer)
    timer = setInterval(() => this.setData({ seconds: this.data.seconds + 1 }), 1000)
  },

  /** @param {string} clip @param {number} lengthS */
  recorded(clip, lengthS) {
    clearInterval(timer)
    const problem = lengthS < MIN_S ? `录音只有 ${lengthS.toFixed(1)} 秒，请至少录 ${MIN_S} 秒。` : ''
    this.setData({ recording: false, clip: problem ? '' : clip, problem })
  },

  onListen() {
    if (listening) listening.destroy()
    listening = wx.createInnerAudioContext()
    listening.src = this.data.clip
    listening.play()
  },

  /** @param {WechatMiniprogram.Input} event */
  onInput(event) {
    this.setData({ [event.currentTarget.dataset.name]: event.detail.value.trim() })
  },

  onAsk() {
    const { person, title } = this.data
    if (!person || !title) return
    const statement = `本人 ${person} 同意提供这段录音，用于合成与本人相似的声音，用途：${PURPOSE}。本人知道合成的声音会标明由 AI 生成，并可随时在本页删除这个声音。`
    this.setData({ asking: true, agreed: false, statement })
  },

  onAgree() {
    this.setData({ agreed: !this.data.agreed })
  },

  onDecline() {
    this.setData({ asking: false })
  },

  noop() {},

  async onUpload() {
    const { agreed, sending, clip, title, person, statement } = this.data
    if (!agreed || sending) return
    this.setData({ sending: true, problem: '' })
    try {
      const consent = { person, purpose: PURPOSE, agreedAt: new Date(), statement }
      await getTtsClient().addVoice({ filePath: clip, title, consent })
      this.setData({ clip: '' })
      await this.list()
    } catch (error) {
      this.setData({ problem: /** @type {Error} */ (error).message })
    }
    this.setData({ sending: false, asking: false })
  },

  async list() {
    try {
      const { cloned = [] } = await getTtsClient().voices()
      this.setData({ cloned: cloned.map((one) => ({ ...one, voice: { voice_id: one.voice_id } })) })
    } catch (error) {
      this.setData({ problem: /** @type {Error} */ (error).message })
    }
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  onUse(event) {
    const voiceId = event.currentTarget.dataset.id
    preferences.set({ voiceId })
    this.setData({ voiceId })
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  async onRemove(event) {
    const { id } = event.currentTarget.dataset
    const { confirm } = await wx.showModal({ title: '删除这个声音？', content: '这个声音与用它合成的音频都会删除，不能恢复。', confirmText: '删除' })
    if (!confirm) return
    try {
      await getTtsClient().removeVoice(id)
      if (preferences.get().voiceId === id) preferences.set({ voiceId: '' })
      this.setData({ voiceId: preferences.get().voiceId })
    } catch (error) {
      this.setData({ problem: /** @type {Error} */ (error).message })
    }
    await this.list()
  },
})
