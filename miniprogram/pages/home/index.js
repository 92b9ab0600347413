Page({
  data: {
    entries: [
      { url: '/pages/article/index', title: '读文章', about: '粘贴一篇文章，边读边标出读到哪里，锁屏也能听' },
      { url: '/pages/story/index', title: '讲故事', about: '几个角色，各有各的声音与心情' },
      { url: '/pages/prompts/index', title: '常用提示', about: '点一下就说，提前备好，没有网也能听' },
      { url: '/pages/clone/index', title: '我的声音', about: '录一小段，征得同意后用自己的声音朗读' },
      { url: '/pages/settings/index', title: '设置', about: '音色、语速、后台播放、清理缓存' },
    ],
  },
})
