const preferences = require('../../preferences')

Page({
  data: {
    voice: {},
    own: '',
    prompts: [
      { label: '取号', text: '请先取号，再到休息区等候。' },
      { label: '叫号', text: '请 A012 号到 3 号窗口办理。' },
      { label: '缴费成功', text: '缴费成功，共 128.50 元。请取走您的凭条。' },
      { label: '暂停服务', text: '本窗口暂停服务，请到其他窗口办理。' },
      { label: '营业时间', text: '营业时间：周一至周五，上午 9:00 到下午 5:30。' },
      { label: '感谢', text: '感谢您的耐心等待，祝您生活愉快！' },
    ],
  },

  onLoad() {
    this.setData({ voice: preferences.voice() })
  },

  /** @param {WechatMiniprogram.Input} event */
  onInput(event) {
    this.setData({ own: event.detail.value.trim() })
  },
})
