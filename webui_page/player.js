// Marks the character that is heard, moves the line over the picture, and seeks to a character that is clicked.
// Gradio runs it once with `element` and `watch`; what it acts on is written by player.py and picture.py.
let frame = 0;

const now = (audio) => {
  let current = null;
  for (const span of element.querySelectorAll('.karaoke [data-at]')) {
    if (Number(span.dataset.at) > audio.currentTime) break;
    current = span;
  }
  return current && Number(current.dataset.end) > audio.currentTime ? current : null;
};

const draw = (audio) => {
  const said = now(audio);
  for (const span of element.querySelectorAll('.karaoke .now')) if (span !== said) span.classList.remove('now');
  said?.classList.add('now');
  const picture = document.querySelector('#picture svg');
  const line = picture?.querySelector('.playhead');
  if (!line) return;
  const { left, width, duration, lead } = picture.dataset;
  const part = Math.min(1, Math.max(0, (audio.currentTime - Number(lead)) / Number(duration)));
  line.setAttribute('transform', `translate(${Number(left) + Number(width) * part} 0)`);
};

const follow = (audio) => {
  draw(audio);
  frame = audio.paused ? 0 : requestAnimationFrame(() => follow(audio));
};

// media events do not bubble, but they are captured
for (const kind of ['play', 'pause', 'seeked', 'ended']) {
  element.addEventListener(kind, (event) => {
    cancelAnimationFrame(frame);
    follow(event.target);
  }, true);
}

element.addEventListener('click', (event) => {
  const span = event.target.closest('.karaoke [data-at]');
  const audio = element.querySelector('audio');
  if (!span || !audio) return;
  audio.currentTime = Number(span.dataset.at);
  audio.play();
});

watch('value', () => {
  element.querySelectorAll('.now').forEach((span) => span.classList.remove('now'));
  const sound = element.querySelector('.player');
  if (sound && innerWidth < 700) sound.scrollIntoView({ block: 'center' });  // on a phone it is far below the button
});
