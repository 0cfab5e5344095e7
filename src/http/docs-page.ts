/** The page that reads `/openapi.json`: one file, no script or font from elsewhere. */

export const docsPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Slotbridge API</title>
<meta name="viewport" content="width=device-width">
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2530}
details{border:1px solid #d5dbe3;border-radius:6px;margin:.4rem 0;padding:.3rem .8rem}
summary{cursor:pointer}code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:#f4f6f9;padding:.8rem;border-radius:6px;overflow:auto;max-height:30rem}
.m{display:inline-block;width:4.5rem;font-weight:600}table{border-collapse:collapse}td{padding:.1rem .8rem .1rem 0;vertical-align:top}
</style></head><body><h1>Slotbridge API</h1><p id="about"></p><div id="paths">Reading…</div><h2>Schemas</h2><div id="schemas"></div>
<script>
const make = (tag, text, parent) => { const e = document.createElement(tag); e.textContent = text; parent.append(e); return e }
const typeOf = (s) => s.$ref ? s.$ref.split('/').pop() : [s.type].flat().join(' or ') + (s.enum ? ': ' + s.enum.join(', ') : '')
fetch('/openapi.json').then((answer) => answer.json()).then((api) => {
  document.getElementById('about').textContent = api.info.description
  const paths = document.getElementById('paths')
  paths.textContent = ''
  for (const [path, methods] of Object.entries(api.paths)) for (const [method, op] of Object.entries(methods)) {
    const box = make('details', '', paths)
    const head = make('summary', '', box)
    make('span', method.toUpperCase(), head).className = 'm'
    make('code', path, head)
    make('span', ' ' + op.summary, head)
    make('p', op.description || '', box)
    const table = make('table', '', box)
    for (const p of op.parameters || []) {
      const row = make('tr', '', table)
      make('code', p.name, make('td', '', row))
      make('td', typeOf(p.schema) + (p.required ? ', required' : '') + (p.description ? ', ' + p.description : ''), row)
    }
    if (op.requestBody) make('pre', JSON.stringify(op.requestBody.content['application/json'].schema, null, 2), box)
    for (const [status, answer] of Object.entries(op.responses)) {
      make('p', status + ' ' + answer.description, box)
      for (const [type, one] of Object.entries(answer.content || {})) { make('p', type, box); make('pre', JSON.stringify(one.schema, null, 2), box) }
    }
  }
  const schemas = document.getElementById('schemas')
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    const box = make('details', '', schemas)
    make('summary', name, box)
    make('pre', JSON.stringify(schema, null, 2), box)
  }
}).catch(() => { document.getElementById('paths').textContent = 'The description cannot be read.' })
</script></body></html>
`
