"use strict";var o=require("../index"),a=new WeakMap;Component({externalClasses:["custom-class"],properties:{text:String,label:String,voice:Object,preload:Boolean},data:{status:"\
idle",message:"",spokenLabel:""},lifetimes:{attached(){this.describe(),this.fetchAhead()},detached(){this.stop()}},pageLifetimes:{hide(){this.stop()}},observers:{
"text, label, status":function(){this.describe()}},methods:{toggle(){a.has(this)?this.stop():this.play()},async play(){let{text:e,voice:s}=this.data,t;try{this.
setData({status:"loading",message:""}),t=(0,o.getTtsClient)().speak(e,{...s,onPlay:()=>{this.setData({status:"playing"}),this.triggerEvent("play")}}),a.set(this,
t),await t,this.triggerEvent("ended")}catch(i){let n=(0,o.asTtsError)(i);if(n.code==="cancelled")return;this.setData({message:n.message}),this.triggerEvent("err\
or",{error:n})}finally{a.get(this)===t&&(a.delete(this),this.setData({status:"idle"}))}},stop(){let e=a.get(this);a.delete(this),e&&(e.cancel(),this.setData({status:"\
idle"}))},describe(){let{status:e,label:s,text:t}=this.data,i=e==="idle"?`朗读：${s||t}`:`停止朗读：${s||t}`;i!==this.data.spokenLabel&&this.setData({spokenLabel:i})},
fetchAhead(){let{preload:e,text:s,voice:t}=this.data;if(!(!e||!s))try{(0,o.getTtsClient)().preload(s,t).catch(()=>{})}catch(i){return}}}});
