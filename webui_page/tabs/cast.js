// Keeps what is chosen for each role in the component's value, which travels with the next request.
// Gradio runs it once with `element`, `props` and `watch`; what it acts on is drawn by story.py.
const show = () => element.querySelectorAll('[data-key]').forEach((field) => {
  if (document.activeElement !== field) field.value = field.dataset.now;
});

element.addEventListener('change', (event) => {
  const { role, key } = event.target.dataset;
  if (!key) return;
  const value = key === 'speed' ? Number(event.target.value) : event.target.value;
  const roles = props.value.roles.map((row, n) => (n === Number(role) ? { ...row, [key]: value } : row));
  props.value = { ...props.value, roles };
});

show();
watch('value', show);
