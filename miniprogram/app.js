const { createTtsClient, useTtsClient } = require('./tts-client/miniprogram_dist/index')
const { baseUrl } = require('./config')
const preferences = require('./preferences')

App({
  onLaunch() {
    // 一个小程序只建一个客户端，组件都用它
    useTtsClient(createTtsClient({ baseUrl, wx }))
    preferences.load()
  },
})
