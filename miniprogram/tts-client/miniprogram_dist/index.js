"use strict";var G=Object.defineProperty;var wt=Object.getOwnPropertyDescriptor;var St=Object.getOwnPropertyNames;var xt=Object.prototype.hasOwnProperty;var Pt=(r,t)=>{for(var e in t)G(r,e,{get:t[e],enumerable:!0})},Tt=(r,t,e,i)=>{if(t&&typeof t=="object"||typeof t=="function")for(let n of St(t))!xt.call(r,n)&&n!==
e&&G(r,n,{get:()=>t[n],enumerable:!(i=wt(t,n))||i.enumerable});return r};var At=r=>Tt(G({},"__esModule",{value:!0}),r);var fe={};Pt(fe,{FrameParser:()=>M,Reader:()=>A,TtsClient:()=>_,TtsError:()=>c,asTtsError:()=>b,createTtsClient:()=>vt,getTtsClient:()=>de,sentencesOf:()=>V,useTtsClient:()=>ce});
module.exports=At(fe);var Mt=500,U=class{constructor(t,e,i,n){this.s=t;this.lt=i;this.It=n;this.F=`${t.env.USER_DATA_PATH}/${e}`,this.m=`${e}-index`}async find(t){let e=await this.g(),
i=e[C(t)];if(!i)return;let n=await this.G(i,t);if(!n||Date.now()-i.madeMs>this.It){await this.K(e,C(t));return}return i.usedMs=Date.now(),this.Y(e),n}async keep(t,e,i){
let n=await this.g(),s=`${C(t)}${kt(e.url)}`,o=await this.z(i);if(!o||o>this.lt)return{...e,path:i};await this.Z(n,this.lt-o);let a=await this.mt(s,t,e,i);return a||
(await this.Z(n,K(n)/2),a=await this.mt(s,t,e,i)),a?(n[C(t)]={name:s,bytes:o,usedMs:Date.now(),madeMs:Date.now()},this.Y(n),{...e,path:this.B(s)}):{...e,path:i}}async forget(t){
let e=await this.g();await this.K(e,C(t))}async clear(){let t=await this.g();await this.Z(t,0)}async bytes(){return K(await this.g())}g(){return this.V||(this.V=
this.X()),this.V}async X(){let t=await new Promise(o=>this.s.getStorage({key:this.m,success:({data:a})=>o(a),fail:()=>o(void 0)}));await this.p("mkdir",{dirPath:this.F,
recursive:!0});let e=await this.p("readdir",{dirPath:this.F}),i=new Set(e?e.files:[]),n={},s=new Set;for(let[o,a]of Object.entries(t||{}))!a||!i.has(a.name)||(n[o]=
a,s.add(a.name).add(`${a.name}.json`));return await Promise.all([...i].filter(o=>!s.has(o)).map(o=>this.D(o))),n}async G(t,e){let i=this.B(t.name);if(!await this.p(
"access",{path:i}))return;let n=await this.p("readFile",{filePath:`${i}.json`,encoding:"utf8"});try{let{key:s,...o}=JSON.parse(n.data);return s===e?{...o,path:i,
cached:"phone",requestId:""}:void 0}catch(s){return}}async mt(t,e,i,n){let{durationS:s,timings:o,warnings:a,url:u,expiresMs:h}=i,f=JSON.stringify({key:e,durationS:s,
timings:o,warnings:a,url:u,expiresMs:h}),m=this.B(t),S=await this.p("writeFile",{filePath:`${m}.json`,data:f,encoding:"utf8"})&&await this.p("saveFile",{tempFilePath:n,
filePath:m});return S||await this.D(`${t}.json`),!!S}async Z(t,e){let i=Object.keys(t).sort((n,s)=>t[n].usedMs-t[s].usedMs);for(let n of i){if(K(t)<=e)return;await this.K(
t,n)}}async K(t,e){let i=t[e];i&&(delete t[e],this.Y(t),await Promise.all([this.D(i.name),this.D(`${i.name}.json`)]))}Y(t){this.q===void 0&&(this.q=setTimeout(()=>{
this.q=void 0,this.s.setStorage({key:this.m,data:t,fail:()=>{}})},Mt))}async z(t){let e=await this.p("stat",{path:t});return e?e.stats.size:0}D(t){return this.p(
"unlink",{filePath:this.B(t)})}B(t){return`${this.F}/${t}`}p(t,e){return new Promise(i=>{let n=this.s.getFileSystemManager();n[t].call(n,{...e,success:i,fail:()=>i(
void 0)})})}};function kt(r){let t=/\.\w+(?=\?|$)/.exec(r);return t?t[0]:".mp3"}function K(r){return Object.values(r).reduce((t,{bytes:e})=>t+e,0)}function C(r){
return st(r,2654435769)+st(r,2246822507)}function st(r,t){let e=3735928559^t,i=1103547991^t;for(let n=0;n<r.length;n+=1){let s=r.charCodeAt(n);e=Math.imul(e^s,2654435761),
i=Math.imul(i^s,1597334677)}return e=Math.imul(e^e>>>16,2246822507)^Math.imul(i^i>>>13,3266489909),i=Math.imul(i^i>>>16,2246822507)^Math.imul(e^e>>>13,3266489909),
(4294967296*(2097151&i)+(e>>>0)).toString(36)}function ot(r){let t=[],e=0,i=!1;for(let s of r)t.push(e),e+=s.length,i=i||s.length>1;let n=e;return i?s=>s<t.length?t[s]:n:s=>Math.min(s,n)}function P(r,t){if(!Array.
isArray(r))return[];let e=ot(t);return r.map(i=>({beginMs:i.begin_ms,endMs:i.end_ms,begin:e(i.begin),end:e(i.end)}))}function W(r,t){if(!Array.isArray(r))return[];
let e=ot(t);return r.map(i=>({...i,begin:e(i.begin),end:e(i.end)}))}function at(r,t){let e=0,i=r.length;for(;e<i;){let n=e+i>>1;r[n].beginMs<=t?e=n+1:i=n}return e-
1}var c=class r extends Error{constructor(t,e,i={}){super(e),Object.setPrototypeOf(this,r.prototype),this.name="TtsError",this.code=t,this.status=i.status||0,this.
requestId=i.requestId||"",this.retryAfterS=i.retryAfterS||0,this.passing=!!i.passing,this.said=i.said||""}},ut=[{errno:[],words:/abort/i,code:"cancelled",message:"\
已取消。",passing:!1},{errno:[600002],words:/domain list/i,code:"domain_not_allowed",message:"服务器域名没有登记：请在微信公众平台的“服务器域名”里添加它。",
passing:!1},{errno:[600009],words:/invalid url/i,code:"invalid_url",message:"服务器地址不对：请检查 baseUrl。",passing:!1},{errno:[5],words:/time ?out/i,
code:"network_timeout",message:"网络太慢，没有等到回答：请稍后再试。",passing:!0},{errno:[600003],words:/interrupted/i,code:"network_interrupt\
ed",message:"小程序切到了后台，网络中断：请再试一次。",passing:!0}];function F(r){let t=r.errMsg||"",e=ut.find(i=>r.errno!==void 0&&i.errno.
includes(r.errno))||ut.find(i=>i.words.test(t));return e?new c(e.code,e.message,{passing:e.passing,said:t}):new c("network_failed","连不上语音服务：请检查网络后再试。",
{passing:!0,said:t})}function v(r,t,e){let i=typeof t=="object"&&t!==null?t:{},n=s=>typeof i[s]=="string"?i[s]:"";return new c(n("code")||`http_${r}`,n("detail")||
n("error")||Ct(r),{status:r,requestId:n("request_id"),retryAfterS:e,passing:r===429||r===503||r>=500&&e>0,said:n("title")})}function l(){return new c("cancelled",
"已取消。")}function b(r){if(r instanceof c)return r;let t=r instanceof Error?r.message:String((r==null?void 0:r.errMsg)||r);return new c("internal","小程序内部出\
错：请重试。",{said:t})}function Ct(r){return r===401?"登录已失效：请重新进入小程序。":r===413?"文字太长：请分段朗读。":r===429?
"请求太频繁：请稍后再试。":r>=500?"语音服务暂时不可用：请稍后再试。":"语音服务没有接受这个请求。"}var p=class{constructor(){this.cancelled=!1;this.N=new Set}cancel(){if(this.cancelled)return;this.cancelled=!0;let t=[...this.N];this.N.clear(),t.forEach(e=>e())}onCancel(t){
return this.cancelled?t():this.N.add(t),()=>this.N.delete(t)}check(){if(this.cancelled)throw l()}};function y(r,t=new p){let e=new Promise((i,n)=>{t.onCancel(()=>n(
l())),t.cancelled||r(t).then(i,n)});return Object.assign(e,{cancel:()=>t.cancel()})}function N(r,t){return new Promise((e,i)=>{let n=setTimeout(()=>{s(),e()},r),
s=t.onCancel(()=>{clearTimeout(n),i(l())})})}var B=class{constructor(t=()=>{}){this.Ut=t;this.d=new Map}join(t,e,i){let n=this.d.get(t)||this.P(t,e,i);return n.
waiters+=1,e&&!n.urgent&&(n.urgent=!0,this.Ut()),y(s=>(s.onCancel(()=>this.b(t,n)),n.promise))}P(t,e,i){let n={urgent:e,signal:new p,waiters:0},s=()=>{this.d.get(
t)===n&&this.d.delete(t)};return this.d.set(t,n),n.promise=i(n.signal,n),n.promise.then(s,s),n}b(t,e){e.waiters-=1,!(e.waiters>0)&&(this.d.get(t)===e&&this.d.delete(
t),e.signal.cancel())}},D=class{constructor(t,e){this.z=t;this.Ft=e;this.Q=0;this.tt=0;this.k=[]}async run(t,e,i){let n=await this.Wt(t,e);try{return e.check(),
await i()}finally{this.Q-=1,n&&(this.tt-=1),this.admit()}}admit(){for(;this.Q<this.z;){let t=this.k.findIndex(s=>s.urgency.urgent),e=t>=0||this.tt>=this.Ft?t:0,
[i]=e<0?[]:this.k.splice(e,1);if(!i)return;let n=t<0;this.Q+=1,n&&(this.tt+=1),i.enter(n)}}Wt(t,e){return new Promise((i,n)=>{let s={urgency:t,enter:a=>{o(),i(a)}},
o=e.onCancel(()=>{this.k=this.k.filter(a=>a!==s),n(l())});e.cancelled||(this.k.push(s),this.admit())})}};var Et=.1,j=class{constructor(t,e,i){this.s=t;this.m=e;this.Dt=i;this.et=!1}async bearer(){if(this.u&&ht(this.u))return this.u.text;if(!this.C){let t=()=>this.C=
void 0;this.C=this.Bt(),this.C.then(t,t)}return this.C}drop(t){(!this.u||this.u.text===t)&&this.forget()}forget(){this.u=void 0,this.et=!0,this.s.removeStorage(
{key:this.m,fail:()=>{}})}async Bt(){if(!this.et&&(this.et=!0,this.u=await this.X(),this.u&&ht(this.u)))return this.u.text;let t=await this.Dt(await this.Nt()),
e=Date.now();return this.u={text:t.access_token,savedMs:e,expiresMs:e+t.expires_in*1e3},this.jt(this.u),this.u.text}Nt(){return new Promise((t,e)=>{let i=n=>e(new c(
"login_failed","微信登录没有成功：请稍后再试。",{passing:!0,said:n}));this.s.login({success:({code:n,errMsg:s})=>n?t(n):i(s),fail:({errMsg:n})=>i(
n)})})}X(){return new Promise(t=>{this.s.getStorage({key:this.m,encrypt:!0,success:({data:e})=>t(Ot(e)?e:void 0),fail:()=>t(void 0)})})}jt(t){this.s.setStorage(
{key:this.m,data:t,encrypt:!0,fail:()=>{}})}};function ht({savedMs:r,expiresMs:t}){let e=Date.now();return e>=r&&e<t-Et*(t-r)}function Ot(r){let t=r;return!!t&&
typeof t.text=="string"&&typeof t.savedMs=="number"&&typeof t.expiresMs=="number"}var w={urgent:!0},J=class{constructor(t,e,i,n){this.platform=t;this.baseUrl=e;this.E=i;this.slots=new D(n,Math.max(1,Math.min(2,n-1))),this.session=new j(t,`tts\
-token ${e}`,s=>this.Jt(s))}async send(t){return this.persist(t,e=>this.j(t.signal,({success:i,fail:n})=>this.platform.request({url:this.baseUrl+t.path,method:t.
method||"GET",...t.data?{data:t.data}:{},header:{...ct,...e,...t.header},timeout:this.E.timeoutMs,success:i,fail:n})))}async download(t,e,i){return(await this.persist(
{path:t,urgency:e,signal:i,anonymous:!0},()=>this.j(i,({success:s,fail:o})=>this.platform.downloadFile({url:t,timeout:this.E.timeoutMs,success:s,fail:o})))).data}async upload(t,e,i){
return this.persist(t,n=>this.j(t.signal,({success:s,fail:o})=>this.platform.uploadFile({url:this.baseUrl+t.path,filePath:e,name:i,...t.data?{formData:t.data}:{},
header:{...n,...t.header},timeout:this.E.timeoutMs,success:s,fail:o})))}async persist(t,e){let i=!1;for(let n=1;;n+=1){let s="";try{s=t.anonymous?"":await this.$t(
t.signal);let o=s?{Authorization:`Bearer ${s}`}:{};return await this.slots.run(t.urgency,t.signal,()=>e(o))}catch(o){let a=b(o);if(a.status===401&&s&&!i){i=!0,n-=
1,this.session.drop(s);continue}let u=this.Ht(a,n);if(u<0||t.once&&!a.status)throw a;await N(u,t.signal)}}}async $t(t){let e=await this.session.bearer();return t.
check(),e}Ht(t,e){let{attempts:i,baseMs:n,maxMs:s}=this.E;if(!t.passing||e>=i||t.retryAfterS*1e3>s)return-1;let o=Math.min(s,n*2**(e-1))*(.5+Math.random()/2);return Math.
max(t.retryAfterS*1e3,o)}async Jt(t){let e=await this.slots.run(w,new p,()=>this.j(new p,({success:s,fail:o})=>this.platform.request({url:`${this.baseUrl}/auth/\
wechat`,method:"POST",data:{code:t},header:ct,timeout:this.E.timeoutMs,success:s,fail:o}))),{access_token:i,expires_in:n}=e.data||{};if(typeof i!="string"||!(n>
0))throw new c("bad_answer","登录服务的回答有误：请稍后再试。");return e.data}j(t,e){return new Promise((i,n)=>{let s=()=>{},o=e({success:a=>{s();
let u=Y(a.header),h=a.statusCode;h<200||h>299?n(v(h,dt(a.data),z(u("Retry-After")))):i({status:h,header:u,data:a.tempFilePath||dt(a.data)})},fail:a=>{s(),n(t.cancelled?
l():F(a))}});s=t.onCancel(()=>{o&&o.abort(),n(l())})})}},ct={"content-type":"application/json"};function Y(r){let t=new Map(Object.entries(r||{}).map(([e,i])=>[
e.toLowerCase(),String(i)]));return e=>t.get(e.toLowerCase())||""}function z(r){if(/^\s*\d+\s*$/.test(r))return Number(r);let t=Date.parse(r);return Number.isNaN(
t)?0:Math.max(0,Math.ceil((t-Date.now())/1e3))}function dt(r){if(typeof r!="string")return r;try{return JSON.parse(r)}catch(t){return r}}var Rt=500,_t=5e3,It="done",Ut=/^(failed|cancelled|expired)$/;async function Z(r,t,e,i){let n=t.id||await Wt(r,t.body||{},i);e.onCreate&&e.onCreate(n),i.onCancel(
()=>{let o={path:ft(n),method:"DELETE",urgency:w,signal:new p};r.send(o).catch(()=>{})});let s=new Set;for(let o=Rt;;o=Math.min(_t,o*1.5)){let{data:a}=await r.send(
{path:ft(n),urgency:w,signal:i}),u=Ft(a);i.check(),e.onProgress&&e.onProgress(u);for(let h of u.parts)s.has(h.index)||(s.add(h.index),e.onPart&&e.onPart(h));if(u.
status===It)return Bt(n,a,t.text);if(Ut.test(u.status))throw Dt(u.status,a);await N(o,i)}}async function Wt(r,t,e){let{data:i}=await r.send({path:"/jobs",method:"\
POST",data:t,urgency:w,signal:e,once:!0});if(!i||typeof i.id!="string")throw new c("bad_answer","语音服务的回答有误：请稍后再试。");return i.id}
function Ft(r){let t=Array.isArray(r.parts)?r.parts:[];return{id:r.id,status:r.status,progress:r.progress||0,parts:t.filter(e=>e.audio_url).map(e=>({index:e.index,
url:e.audio_url,durationS:e.duration_s,begin:e.begin,end:e.end}))}}function Bt(r,t,e){return{id:r,url:t.audio_url,expiresMs:Date.parse(t.expires_at)||Date.now(),
durationS:t.duration_s,timings:P(t.timestamps,e)}}function Dt(r,t){let e=t.problem||t.error||{},i=typeof e=="string"?{code:r,detail:e}:{code:r,...e};return v(t.
http_status||500,i,0)}function ft(r){return`/jobs/${encodeURIComponent(r)}`}var Nt=.1,$=class{constructor(t){this.y=0;if(typeof t.createWebAudioContext!="function")throw new c("no_web_audio","这台手机不能边合成边播放：请更新微信，或改用 speak。");
this.e=t.createWebAudioContext()}add(t,e){let i=jt(t);if(!i.length)return;let n=this.e,s=n.createBuffer(1,i.length,e);s.copyToChannel(i,0,0);let o=n.createBufferSource();
o.buffer=s,o.connect(n.destination),this.y=Math.max(this.y,n.currentTime+Nt),o.start(this.y),this.y+=i.length/e}async finish(t){let e=Math.max(0,(this.y-this.e.
currentTime)*1e3);await new Promise(i=>{let n=setTimeout(i,e);t.onCancel(()=>{clearTimeout(n),i()})}),this.stop()}stop(){this.y<0||(this.y=-1,this.e.close())}};
function jt(r){let t=new DataView(r),e=new Float32Array(r.byteLength>>1);for(let i=0;i<e.length;i+=1)e[i]=t.getInt16(2*i,!0)/32768;return e}var pt={10001:"系统",10002:"网络",10003:"文件",10004:"格式"},H=class{constructor(t,e){this.s=t;this.o=e}start({clip:t,atS:e,rate:i}){this.stop();let n=this.s.
createInnerAudioContext(),s=o=>()=>{this.e===n&&o()};this.e=n,n.onPlay(s(this.o.playing)),n.onWaiting(s(this.o.waiting)),n.onEnded(s(this.o.ended)),n.onPause(s(
this.o.paused)),n.onError(({errCode:o,errMsg:a})=>s(()=>this.o.failed(lt(o,a)))()),n.src=t.path,n.startTime=e,n.playbackRate=i,n.play()}pause(){this.e&&this.e.pause()}resume(){
this.e&&this.e.play()}seek(t){this.e&&this.e.seek(t)}rate(t){this.e&&(this.e.playbackRate=t)}timeS(){return this.e&&this.e.currentTime||0}stop(){let t=this.e;t&&
(this.e=void 0,t.stop(),t.destroy())}},g,L=class{constructor(t,e){this.o=e;this.h=t.getBackgroundAudioManager()}start({clip:t,atS:e,rate:i,title:n}){this.Lt(),this.h.
title=n,this.h.startTime=e,this.h.playbackRate=i,this.h.src=t.url}pause(){g===this&&this.h.pause()}resume(){g===this&&this.h.play()}seek(t){g===this&&this.h.seek(
t)}rate(t){g===this&&(this.h.playbackRate=t)}timeS(){return g===this&&this.h.currentTime||0}stop(){g===this&&(g=void 0,this.h.stop())}Lt(){g=this;let t=this.h,e=i=>()=>{
g===this&&i()};t.onPlay(e(this.o.playing)),t.onWaiting(e(this.o.waiting)),t.onEnded(e(this.o.ended)),t.onPause(e(this.o.paused)),t.onStop(e(this.o.paused)),t.onPrev(
e(this.o.previous)),t.onNext(e(this.o.next)),t.onError(i=>e(()=>this.o.failed(lt(0,i.errMsg)))())}};function lt(r,t){let e=pt[r]?`（${pt[r]}）`:"";return new c(
"unplayable",`声音放不出来${e}：请再试一次。`,{passing:!0,said:`${r} ${t}`})}var X=/[。！？!?；;…\n]/,Q=/[”’"'」』）)】》]/,Jt=/[，,、：:\s]/;function V(r){let t=[],e=0,i=0;for(let n=0;n<r.length;n+=1){let s=r.charAt(n);Jt.test(s)&&(i=n+1);let o=(X.test(s)||$t(r,n))&&!X.test(r.charAt(n+1))&&!Q.test(r.
charAt(n+1)),a=Q.test(s)&&n>e&&X.test(r.charAt(n-1))&&!Q.test(r.charAt(n+1)),u=n+1-e>=120;if(!o&&!a&&!u)continue;let h=u&&!o&&!a&&i>e?i:n+1;Vt(r,h-1)&&(h+=1),t.
push({begin:e,end:h}),e=h,n=Math.max(n,h-1)}return e<r.length&&t.push({begin:e,end:r.length}),Ht(r,t)}function mt(r,t){let e=[];return r.forEach(({begin:i,end:n})=>{
let s=e[e.length-1],o=s&&(e.length>1||s.end-s.begin<15);s&&o&&n-s.begin<=t?s.end=n:e.push({begin:i,end:n})}),e}function E(r,t){let e=0,i=r.length;for(;e<i;){let n=e+
i>>1;r[n].begin<=t?e=n+1:i=n}return Math.max(0,e-1)}function $t(r,t){return r.charAt(t)==="."&&/^(\s|$)/.test(r.slice(t+1,t+2))&&/[a-z)”"]/i.test(r.charAt(t-1))}
function Ht(r,t){let e=[],i=-1;for(let{begin:n,end:s}of t){let o=e[e.length-1];Lt(r.slice(n,s))?(e.push({begin:i<0?n:i,end:s}),i=-1):o?o.end=s:i<0&&(i=n)}return!e.
length&&r.length&&e.push({begin:0,end:r.length}),e}function Lt(r){return/[^\s\u2000-\u206f\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65!-\/:-@[-`{-~]/.
test(r)}function Vt(r,t){let e=r.charCodeAt(t);return e>=55296&&e<=56319&&t+1<r.length}var qt=120,Gt=500,Kt=.22,Yt=100,zt=1.5,Zt=3e4,Xt=1e3,O;function T(r){let t=O;O=r,t&&t!==r&&t.giveWay()}var A=class{constructor(t,e,i){this.s=t;this.At=e;this.Pt=
i;this.sentences=[];this.state=gt();this.v="";this.n=[];this.a=[];this.i={voice:{}};this.w=-1;this.S=!1;this.T=0;this.it=-1;this.O=!1;this.gt=0;this.R=0;this.nt=
0;this.bt=()=>{let t=this.state.status==="paused"&&Date.now()-this.gt<Xt;!this.M()&&!t||(this.st(!1),this.O=this.i.resume!==!1)};this.yt=()=>{this.O&&(this.O=!1,
O===this&&this.state.status==="paused"&&this.jump(this.state.sentence))};t.onAudioInterruptionBegin(this.bt),t.onAudioInterruptionEnd(this.yt)}load(t,e){this.stop(),
this.v=t,this.i=e,this.sentences=V(t),this.n=mt(this.sentences,e.background?Gt:qt),this.a=this.n.map(()=>{}),this.w=-1,this.r({...gt(),durationS:this._()})}play(){
let{status:t}=this.state;t==="playing"||t==="loading"||!this.n.length||(T(this),t==="paused"&&this.S&&this.t?(this.A(),this.r({status:"playing"}),this.t.resume(),
this.vt()):this.rt(t==="ended"?0:this.state.timeS))}pause(){this.O=!1,this.st(!1)}giveWay(){this.i.onGiveWay?this.i.onGiveWay():this.pause()}toggle(){this.state.
status==="playing"||this.state.status==="loading"?this.pause():this.play()}stop(){this.wt(),this.t&&this.t.stop(),this.t=void 0,this.S=!1,this.O=!1,this.r({status:"\
idle",timeS:0,sentence:0,begin:-1,end:-1,error:void 0})}seek(t){if(!this.n.length)return;if(this.M())return this.rt(t);let{piece:e,atS:i}=this.St(t);this.b();let n=this.I(
e)+i;this.r({status:"paused",timeS:n,error:void 0,...this.ot(e,this.a[e],i)})}jump(t){let e=this.sentences[Math.min(Math.max(0,t),this.sentences.length-1)];if(!e)
return;T(this);let i=E(this.n,e.begin);this.P(i,n=>this.xt(n,e.begin,i))}next(){this.state.sentence<this.sentences.length-1&&this.jump(this.state.sentence+1)}previous(){
let{sentence:t,timeS:e}=this.state,i=(this.sentences[t]||{begin:0}).begin,n=E(this.n,i),s=this.I(n)+this.xt(this.a[n],i,n);this.jump(e-s>zt*this.at()?t:t-1)}setRate(t){
this.A(),this.i={...this.i,rate:t},this.t&&this.t.rate(t)}retry(){this.state.status==="error"&&(T(this),this.it=-1,this.rt(this.state.timeS))}destroy(){this.stop(),
O===this&&(O=void 0);let t=this.s;t.offAudioInterruptionBegin&&t.offAudioInterruptionBegin(this.bt),t.offAudioInterruptionEnd&&t.offAudioInterruptionEnd(this.yt),
this.Pt=()=>{}}rt(t){let{piece:e,atS:i,share:n}=this.St(t),s=this.a[e];this.r({timeS:t,error:void 0}),this.P(e,o=>s?i:n*o.durationS)}async P(t,e){let i=this.a[t];
if(this.S&&this.t&&i&&t===this.w&&this.state.status==="playing"){this.t.seek(e(i)),this.Tt(t,i,e(i));return}this.b();let n=this.T;this.r({status:"loading",error:void 0});
try{let s=await this.Vt(t);n===this.T&&this.ut(t,s,e(s))}catch(s){let o=b(s);n===this.T&&o.code!=="cancelled"&&this.r({status:"error",error:o})}}ut(t,e,i){this.w=
t,this.a[t]=e,this.S=!0,this.Tt(t,e,i),this.t=this.t||this.g(),this.t.start({clip:e,atS:i,rate:this.at(),title:this.i.title||this.v.slice(0,30)})}Tt(t,e,i){this.R=
i,this.nt=Date.now();let n=this.a.every(Boolean);this.r({timeS:this.I(t)+i,durationS:this._(),exact:n,...this.ot(t,e,i)})}g(){let t={playing:()=>{!this.M()&&!this.i.
background||(T(this),this.A(this.t?this.t.timeS():0),this.r({status:"playing"}),this.vt())},waiting:()=>{this.state.status==="playing"&&(this.A(),this.r({status:"\
loading"}))},paused:()=>{this.M()&&(this.gt=Date.now(),this.st(!0))},ended:()=>this.qt(),failed:e=>this.Gt(e),previous:()=>this.previous(),next:()=>this.next()};
return this.i.background?new L(this.s,t):new H(this.s,t)}qt(){if(this.w+1<this.n.length){this.P(this.w+1,()=>0);return}this.b(),this.r({status:"ended",timeS:this._(),
durationS:this._(),begin:-1,end:-1})}Gt(t){let e=this.w,i=this.n[e];if(!i||this.it===e){this.b(),this.r({status:"error",error:t});return}this.it=e;let n=this.$();
this.S=!1,this.r({status:"loading"}),this.a[e]=void 0;let s=this.v.slice(i.begin,i.end),o=this.T,a=()=>o===this.T&&this.M()&&void this.P(e,u=>Math.min(n,u.durationS));
this.At.forget(s,this.i.voice).then(a,a)}Vt(t){let e=this.a[t],i=!this.i.background;if(e&&(i||e.expiresMs-Date.now()>Zt))return this.Mt(t+1),Promise.resolve(e);
let n=this.kt(t,!0);return this.Mt(t+1),this.J=n,n}kt(t,e){let{begin:i,end:n}=this.n[t];return this.At.fetch(this.v.slice(i,n),this.i.voice,{urgent:e,local:!this.i.
background})}Mt(t){let e=this.c;this.c=void 0,t<this.n.length&&!this.a[t]&&this.Kt(t),e&&e.cancel()}Kt(t){let e=this.kt(t,!1);this.c=e,e.then(i=>{this.c===e&&(this.a[t]=
i,this.r({durationS:this._(),exact:this.a.every(Boolean)}))},()=>{})}wt(){this.T+=1,this.f!==void 0&&clearInterval(this.f),this.f=void 0,this.J&&this.J.cancel(),
this.c&&this.c.cancel(),this.J=this.c=void 0}b(){let t=this.c;this.c=void 0,this.wt(),this.c=t,this.S=!1,this.t&&!this.i.background&&this.t.stop()}st(t){this.M()&&
(this.A(),this.f!==void 0&&clearInterval(this.f),this.f=void 0,this.r({status:"paused"}),this.S?this.t&&!t&&this.t.pause():this.b())}vt(){this.f!==void 0&&clearInterval(
this.f),this.f=setInterval(()=>{let t=this.w,e=this.a[t];if(this.state.status!=="playing"||!e)return;let i=Math.min(this.Yt(),e.durationS);this.r({timeS:this.I(
t)+i,...this.ot(t,e,i)})},Yt)}Yt(){let t=this.t?this.t.timeS():0;return this.state.status==="playing"&&Math.abs(t-this.$())>.4&&t>0&&this.A(t),this.$()}$(){return this.
state.status==="playing"?this.R+(Date.now()-this.nt)/1e3*this.at():this.R}A(t=this.$()){this.R=t>0?t:this.R,this.nt=Date.now()}ot(t,e,i){let n=(this.n[t]||{begin:0}).
begin,s=e?e.timings[at(e.timings,i*1e3)]:void 0,o=this.ht(t),a=e&&e.timings.length?n:n+Math.floor(i/(this.H(t)||1)*o),u=E(this.sentences,s?n+s.begin:Math.min(a,
n+Math.max(0,o-1))),h=s&&i*1e3<s.endMs;return{sentence:u,begin:h?n+s.begin:-1,end:h?n+s.end:-1}}xt(t,e,i=E(this.n,e)){let n=(this.n[i]||{begin:0}).begin;if(!t||
!t.timings.length)return(e-n)/(this.ht(i)||1)*(t?t.durationS:this.H(i));let s=t.timings.find(o=>n+o.end>e);return s?s.beginMs/1e3:t.durationS}St(t){let e=Math.max(
0,t);for(let i=0;i<this.n.length;i+=1){let n=this.H(i);if(e<n||i===this.n.length-1){let s=Math.min(e,Math.max(0,n-.05));return{piece:i,atS:s,share:n?s/n:0}}e-=n}
return{piece:0,atS:0,share:0}}I(t){let e=0;for(let i=0;i<t;i+=1)e+=this.H(i);return e}_(){return this.I(this.n.length)}H(t){let e=this.a[t];return e?e.durationS:
this.ht(t)*Kt}ht(t){let e=this.n[t];return e?e.end-e.begin:0}at(){return this.i.rate||1}M(){return this.state.status==="playing"||this.state.status==="loading"}r(t){
let e=this.state;this.state={...e,...t},Object.keys(t).some(i=>e[i]!==this.state[i])&&this.Pt(this.state)}};function gt(){return{status:"idle",timeS:0,durationS:0,
exact:!1,sentence:0,begin:-1,end:-1,error:void 0}}var R=5,Qt="JAEZ",te=64<<20,M=class{constructor(){this.l=[];this.U=0;this.ended=!1}push(t){t.byteLength&&this.l.push(new Uint8Array(t.slice(0))),this.U+=t.byteLength;
let e=[];for(let i=this.Ct();i;i=this.Ct())e.push(i);if(this.ended&&this.U)throw tt();return e}close(){if(!this.ended)throw tt()}Ct(){if(this.ended||this.U<R)return;
let t=this.zt(R),e=String.fromCharCode(t[0]),i=new DataView(t.buffer,t.byteOffset,R).getUint32(1,!0);if(!Qt.includes(e)||i>te)throw tt();if(!(this.U<R+i))return this.Et(
R),this.ended=e==="Z",{type:e,payload:this.Et(i)}}zt(t){let e=this.l[0];return(!e||e.length<t)&&(this.l=[ee(this.l)]),this.l[0].subarray(0,t)}Et(t){let e=new Uint8Array(
t);for(let i=0;i<t;){let n=this.l[0],s=n.subarray(0,t-i);e.set(s,i),i+=s.length,s.length===n.length?this.l.shift():this.l[0]=n.subarray(s.length)}return this.U-=
t,e}};function q(r){let t="";for(let e=0;e<r.length;){let i=r[e],n=i<128?0:i<224?1:i<240?2:3,s=n?i&63>>n:i;for(let o=1;o<=n;o+=1)s=s<<6|r[e+o]&63;t+=String.fromCodePoint(
s),e+=n+1}return t}function ee(r){let t=new Uint8Array(r.reduce((i,n)=>i+n.length,0)),e=0;for(let i of r)t.set(i,e),e+=i.length;return t}function tt(){return new c(
"stream_broken","声音没有传完：请再试一次。",{passing:!0})}var ie=6e4;function bt(r,t,e,i){let n={path:"/tts/stream",urgency:{urgent:!0},signal:e};return r.persist(n,s=>ne(r,t,s,e,i))}function ne(r,t,e,i,n){return new Promise(
(s,o)=>{let a=new et(String(t.text),n),u=0,h,f=[],m=d=>{h=b(d),x.abort(),o(a.pieces?new c(h.code,h.message,{...h,passing:!1}):h)},S=d=>{if(!h)try{a.push(d)}catch(I){
m(I)}},x=r.platform.request({url:`${r.baseUrl}/tts/stream`,method:"POST",data:t,header:{"content-type":"application/json",Accept:re,...e},responseType:"arraybuf\
fer",enableChunked:!0,timeout:ie,success:d=>{if(rt(),h)return;u=d.statusCode;let I=d.data instanceof ArrayBuffer&&d.data.byteLength?[d.data]:[];if(u!==200){let k=q(
new Uint8Array(f[0]||I[0]||new ArrayBuffer(0)));return m(v(u,it(k),z(Y(d.header)("Retry-After"))))}for(let k of f.length?f.splice(0):a.frames?[]:I)S(k);if(!h)try{
s(a.end())}catch(k){m(k)}},fail:d=>{rt(),h||m(i.cancelled?l():F(d))}});x.onHeadersReceived&&x.onHeadersReceived(d=>{u=d.statusCode||u,u===200&&f.splice(0).forEach(
S)}),x.onChunkReceived&&x.onChunkReceived(({data:d})=>u===200||se(d,a,f)?S(d):void f.push(d.slice(0)));let rt=i.onCancel(()=>{x.abort(),o(l())})})}var re="appli\
cation/octet-stream";function se(r,t,e){return t.bytes?!0:e.length?!1:new Uint8Array(r)[0]===74}var et=class{constructor(t,e){this.v=t;this.ft=e;this.frames=0;this.
bytes=0;this.pieces=0;this.Ot=new M;this.ct=0;this.Rt=0}push(t){this.bytes+=t.byteLength;for(let{type:e,payload:i}of this.Ot.push(t))if(this.frames+=1,e==="J")this.G(
it(q(i)));else if(e==="A")this.ut(i.buffer);else if(e==="E"){let n=it(q(i));throw v(n.status||502,n,0)}}end(){return this.Ot.close(),{pieces:this.pieces,durationS:this.Rt/
(this.ct||1)}}G(t){this.dt=t,t.sample_rate&&(this.ct=t.sample_rate,this.ft.onStart&&this.ft.onStart({sampleRate:t.sample_rate,sentences:t.sentences}))}ut(t){this.
pieces+=1,this.Rt+=t.byteLength/2;let{timings:e,warnings:i,progress:n}=this.dt||{};this.dt=void 0,this.ft.onPiece({pcm:t,sampleRate:this.ct,timings:P(e,this.v),
warnings:W(i,this.v),progress:n||0})}};function it(r){try{return JSON.parse(r)}catch(t){return{}}}var oe=10,ae={attempts:5,baseMs:500,maxMs:1e4,timeoutMs:55e3},ue=200,_=class{constructor(t){this.i=t;this.x=new Map;let{wx:e,baseUrl:i,concurrency:n=6,cacheMb:s=50,
cacheDays:o=7}=t;if(!/^https?:\/\/[^/\s]+$/.test(i))throw new c("invalid_url","baseUrl 应写成 https://域名，末尾没有斜杠。");let a=Math.max(1,Math.
min(oe,n));this.transport=new J(e,i,{...ae,...t.persistence},a),this.cache=new U(e,"tts-cache",s*1e6,o*864e5),e.setInnerAudioOption({obeyMuteSwitch:!!t.obeyMuteSwitch,
fail:()=>{}}),this.d=new B(()=>this.transport.slots.admit())}speak(t,e={}){this.stop();let{onPlay:i,...n}=e,s=new p;return this.W=s,y(()=>new Promise((o,a)=>{let u=!1,
h=this.createReader(({status:f,error:m})=>{f==="playing"&&!u&&(u=!0,i&&i()),!(f!=="ended"&&f!=="error")&&(h.destroy(),m?a(m):o())});s.onCancel(()=>h.destroy()),
h.load(t,{voice:n,onGiveWay:()=>s.cancel()}),h.sentences.length?h.play():a(new c("empty_text","没有可以朗读的文字。"))}),s)}stop(){this.W&&this.W.cancel(),
this.W=void 0}preload(t,e={}){return y(async i=>{let n={ready:0,failed:[]};return await Promise.all([...new Set(Array.isArray(t)?t:[t])].map(async s=>{let o=this.
fetch(s,e,{urgent:!1,local:!0}),a=i.onCancel(()=>o.cancel());try{await o,n.ready+=1}catch(u){n.failed.push({text:s,error:u})}a()})),n})}synthesize(t,e={}){return this.
fetch(t,e,{urgent:!0,local:!0})}stream(t,e={}){let{onStart:i,onPiece:n,play:s,...o}=e,a=new p;return s&&(this.stop(),this.W=a,T({giveWay:()=>a.cancel()})),y(async()=>{
let u=s?new $(this.i.wx):void 0;u&&a.onCancel(()=>u.stop());try{let h=await bt(this.transport,this.L(t,o),a,{...i?{onStart:i}:{},onPiece:f=>{u&&u.add(f.pcm,f.sampleRate),
n&&n(f)}});return u&&await u.finish(a),h}catch(h){throw u&&u.stop(),h}},a)}job(t,e={}){let{onProgress:i,onPart:n,onCreate:s,...o}=e,a={onProgress:i,onPart:n,onCreate:s};
return y(u=>Z(this.transport,{text:t,body:this.L(t,o)},a,u))}resumeJob(t,e,i={}){return y(n=>Z(this.transport,{text:e,id:t},i,n))}voices(){return y(async t=>(await this.
transport.send({path:"/voices",urgency:w,signal:t})).data)}createReader(t){return new A(this.i.wx,this,t)}fetch(t,e,i){let n=this.L(t,e),s=yt(n),o=`${i.local?"f\
ile":"link"} ${s}`;return this.d.join(o,i.urgent,(a,u)=>i.local?this.Zt(s,n,a,u):this.pt(s,n,a,u))}async forget(t,e){let i=yt(this.L(t,e));this.x.delete(i),await this.
cache.forget(i)}async Zt(t,e,i,n){let s=await this.cache.find(t);if(s)return s;i.check();let o=await this.pt(t,e,i,n);try{return await this._t(t,o,i,n)}catch(a){
if(![403,404].includes(a.status)||!this.x.delete(t))throw a;return this._t(t,await this.pt(t,e,i,n),i,n)}}async _t(t,e,i,n){let s=await this.transport.download(
e.url,n,i);return this.cache.keep(t,e,s)}async pt(t,e,i,n){let s=this.x.get(t);if(s&&s.expiresMs>Date.now()+6e4)return s;let{data:o}=await this.transport.send({
path:"/tts",method:"POST",data:{...e,timestamps:!0},urgency:n,signal:i});if(!o||typeof o.audio_url!="string")throw new c("bad_answer","语音服务的回答有误：请稍后再试。");
let a=he(o,e.text);return this.x.set(t,a),this.x.size>ue&&this.x.delete(this.x.keys().next().value),a}L(t,e){let i={...this.i.voice,...e},n={text:t};for(let s of Object.
keys(i).sort())i[s]!==void 0&&i[s]!==""&&(n[s]=i[s]);return n}};function vt(r){return new _(r)}function he(r,t){let e=W(r.warnings,t);return{path:r.audio_url,url:r.
audio_url,expiresMs:Date.parse(r.expires_at)||Date.now(),durationS:r.duration_s,timings:P(r.timestamps,t),warnings:e,cached:r.cached?"server":"",requestId:r.request_id||
""}}function yt(r){return JSON.stringify(r)}var nt;function ce(r){nt=r}function de(){if(!nt)throw new c("no_client","还没有准备好：请先在 app.js 里调用 useTtsClient(createTtsClient(…))。");
return nt}
