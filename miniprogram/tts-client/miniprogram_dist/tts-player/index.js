"use strict";var l=require("../index"),d=[.75,1,1.25,1.5,2],p=300,f=100,h=new WeakMap,w=new WeakMap;Component({externalClasses:["custom-class"],properties:{text:String,title:String,
voice:Object,background:Boolean,autoplay:Boolean,showText:{type:Boolean,value:!0}},data:{playing:!1,loading:!1,label:"播放",message:"",clock:"0:00",total:"",spokenClock:"",
slider:0,rates:d,rateIndex:1,lines:[],active:-1,said:"",now:"",rest:""},lifetimes:{attached(){try{h.set(this,(0,l.getTtsClient)().createReader(t=>this.show(t))),
this.load()}catch(t){this.fail(t)}},detached(){let t=h.get(this);t&&t.destroy(),h.delete(this)}},pageLifetimes:{hide(){this.data.background||this.pause()}},observers:{
"text, voice, background, title":function(){this.load()}},methods:{play(){this.with(t=>t.play())},pause(){this.with(t=>t.pause())},toggle(){this.with(t=>t.toggle())},
stop(){this.with(t=>t.stop())},previous(){this.with(t=>t.previous())},next(){this.with(t=>t.next())},retry(){this.with(t=>t.retry())},seek(t){this.with(e=>e.seek(
t))},onSentence(t){this.with(e=>e.jump(Number(t.currentTarget.dataset.sentence)))},onSliding(t){this.with(({state:e})=>{g.add(this),this.setData({clock:u(t.detail.
value/1e3*e.durationS)})})},onSlide(t){g.delete(this),this.with(e=>e.seek(t.detail.value/1e3*e.state.durationS))},onRate(t){let e=Number(t.detail.value);this.setData(
{rateIndex:e}),this.with(i=>i.setRate(d[e]||1))},with(t){let e=h.get(this);e&&t(e)},load(){this.with(t=>{let{text:e,voice:i,background:s,title:n,rateIndex:o,autoplay:a}=this.
data,r=JSON.stringify([e,i,s,n]);w.get(this)!==r&&(w.set(this,r),this.setData({lines:[],active:-1}),t.load(e,{voice:i||{},background:s,title:n,rate:d[o]||1}),this.
show(t.state),a&&t.play())})},show(t){let e={playing:t.status==="playing",loading:t.status==="loading",label:t.status==="loading"?"正在加载，点按停止":
t.status==="playing"?"暂停":"播放",message:t.error?t.error.message:"",total:t.durationS?(t.exact?"":"约")+u(t.durationS):"",...this.progress(t),...this.highlight(
t)},i=this.data;Object.keys(e).forEach(s=>i[s]===e[s]&&delete e[s]),Object.keys(e).length&&this.setData(e),this.report(t)},progress({timeS:t,durationS:e}){if(g.
has(this))return{};let i=u(t),s=e?`${b(t)}，共${b(e)}`:"";return i===this.data.clock&&this.data.total?{}:{clock:i,spokenClock:s,slider:e?Math.round(1e3*t/e):0}},
highlight({sentence:t,begin:e,end:i}){let s=h.get(this),n=s&&s.sentences[t];if(!n||!this.data.showText)return{};let{text:o}=this.data,a=e>=n.begin&&i<=n.end,[r,
c]=a?[e,i]:[n.begin,n.begin];return{active:t,said:o.slice(n.begin,r),now:o.slice(r,c),rest:o.slice(c,n.end),...this.window(s,t)}},window(t,e){let{lines:i,text:s}=this.
data,[n,o]=[i[0],i[i.length-1]],a=o!==void 0&&o.index===t.sentences.length-1;if(n&&o&&n.index<=e&&(a||e+f/2<=o.index))return{};let r=Math.max(0,Math.min(e-f,t.sentences.
length-p));return{lines:t.sentences.slice(r,r+p).map(({begin:c,end:k},y)=>({index:r+y,text:s.slice(c,k)}))}},report(t){let e=m.get(this);m.set(this,t);let i={timeS:t.
timeS,durationS:t.durationS,sentence:t.sentence,begin:t.begin,end:t.end};if(e&&e.status===t.status){t.status==="playing"&&this.triggerEvent("timeupdate",i);return}
let s={playing:"play",paused:"pause",ended:"ended",error:"error"}[t.status];s&&this.triggerEvent(s,t.error?{...i,error:t.error}:i)},fail(t){let e=(0,l.asTtsError)(
t);this.setData({message:e.message}),this.triggerEvent("error",{error:e})}}});var g=new WeakSet,m=new WeakMap;function u(t){let e=Math.floor(t);return`${Math.floor(
e/60)}:${String(e%60).padStart(2,"0")}`}function b(t){let e=Math.floor(t),i=Math.floor(e/60);return`${i?`${i}分`:""}${e%60}秒`}
