// 只需要改这一行：自己的语音服务地址，末尾不要斜杠。
// 在开发者工具里调试本机服务时写 https://127.0.0.1:8443，并勾选“不校验合法域名……”。
module.exports = { baseUrl: 'https://tts.example.com' }
