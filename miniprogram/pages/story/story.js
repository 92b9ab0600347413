// 角色与台词；emotion 是服务端的情感名，见 GET /voices。

/** @type {Record<string, string>} */
const CAST = { 旁白: 'female', 小狐狸: 'child', 熊爷爷: 'male' }

/** @type {Array<{ role: string, text: string, feeling?: string, emotion?: string, intensity?: number }>} */
const STORY = [
  { role: '旁白', text: '冬天的森林，天黑得特别早。小狐狸提着一盏小灯，走在回家的路上。' },
  { role: '小狐狸', text: '呀！灯灭了，我什么也看不见了！', feeling: '害怕', emotion: 'afraid', intensity: 0.7 },
  { role: '旁白', text: '就在这时，树后面传来一个低低的声音。' },
  { role: '熊爷爷', text: '别怕，孩子。慢慢走过来，我这里有火。', feeling: '温柔', emotion: 'gentle', intensity: 0.8 },
  { role: '小狐狸', text: '熊爷爷，是您呀！太好了！', feeling: '开心', emotion: 'happy', intensity: 0.8 },
  { role: '熊爷爷', text: '这么晚了，怎么一个人在外面？', feeling: '惊讶', emotion: 'surprised', intensity: 0.4 },
  { role: '熊爷爷', text: '天黑了还不回家，真叫人着急！', feeling: '生气', emotion: 'angry', intensity: 0.4 },
  { role: '小狐狸', text: '我去给奶奶送蜂蜜，路上贪玩，忘了时间。', feeling: '难过', emotion: 'sad', intensity: 0.5 },
  { role: '旁白', text: '熊爷爷点亮了小灯，牵起小狐狸的手。两个影子，一大一小，慢慢地走远了。' },
]

module.exports = { CAST, STORY }
