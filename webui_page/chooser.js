// Offers the readings of a clicked character and triggers "choose" with the one that is taken.
// Gradio runs it once with `element` and `trigger`; what it acts on is written by ruby.py.
const close = () => element.querySelector('.choices')?.remove();

const button = (character, offer) => {
  const [pinyin, shown] = offer.split(' ');
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = shown;
  made.setAttribute('aria-pressed', String(pinyin === character.dataset.now));
  made.addEventListener('click', () => {
    close();
    trigger('choose', { begin: Number(character.dataset.begin), pinyin });
  });
  return made;
};

const open = (character) => {
  const box = document.createElement('span');
  box.className = 'choices';
  box.setAttribute('role', 'group');
  box.setAttribute('aria-label', `“${character.firstChild.data}”的读音`);
  box.append(...character.dataset.readings.split('|').map((offer) => button(character, offer)));
  const around = character.closest('.reading');
  around.append(box);
  box.style.top = `${character.offsetTop + character.offsetHeight}px`;
  box.style.left = `${Math.max(0, Math.min(character.offsetLeft, around.clientWidth - box.offsetWidth))}px`;
  box.firstChild.focus({ preventScroll: true });
  box.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    close();
    character.focus();
  });
};

element.addEventListener('click', (event) => {
  if (event.target.closest('.choices')) return;
  const character = event.target.closest('[data-readings]');
  close();
  if (character) open(character);
});

element.addEventListener('keydown', (event) => {
  if (!['Enter', ' '].includes(event.key) || !event.target.matches('[data-readings]')) return;
  event.preventDefault();
  close();
  open(event.target);
});
