// Plays the sentences one after the other, waiting for one that is still being made; asks for one to be made again.
// Gradio runs it once with `element`, `trigger` and `watch`; what it acts on is drawn by story.py.
let playing = -1;   // the sentence that is heard, or waited for
let waiting = false;

const audio = () => element.querySelector('audio');
const rows = () => [...element.querySelectorAll('.takes li')];

const mark = () => rows().forEach((row, n) => row.toggleAttribute('data-now', n === playing));

const play = (number) => {
  const row = rows()[number];
  playing = row ? number : -1;
  waiting = false;
  mark();
  if (!row) return;
  if (!row.dataset.source) {
    if (row.classList.contains('failed')) play(number + 1);
    else waiting = true;
    return;
  }
  audio().src = row.dataset.source;
  audio().play();
};

element.addEventListener('ended', () => play(playing + 1), true);

element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.classList.contains('from-start')) play(0);
  const row = button.closest('li');
  if (!row) return;
  if (button.classList.contains('play')) play(Number(row.dataset.n));
  if (button.classList.contains('again')) trigger('again', { number: Number(row.dataset.n) });
});

watch('value', () => {
  if (!rows().length) playing = -1;
  mark();
  if (waiting) play(playing);
});
