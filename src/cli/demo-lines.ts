/** What the demo prints when it is ready: where it is, and lines to copy that book, confirm and cancel. */
import type { DemoFile } from './demo-file.ts'

/**
 * @param dataDir as it must be typed, or null where it is the default
 */
export function readyLines(demo: DemoFile, dataDir: string | null): string[] {
  const { url, api_key: key, subdomain, free_starts: starts } = demo
  const [byCurl = '', byCall = ''] = starts
  const where = `subdomain=${subdomain}&location_id=${demo.location_id}`
  const option = dataDir === null ? '' : `--data-dir ${quote(dataDir)} `
  const curl = `curl -s -H 'Authorization: Bearer '"$TOKEN" -H 'Content-Type: application/json'`
  return [
    `Slotbridge is ready at ${url} (${url}/docs to read the API)`,
    `  API key         ${key}`,
    `  subdomain       ${subdomain} (institution ${demo.institution_id})`,
    `  location        ${demo.location_id}   provider ${demo.provider_id}   operatory ${demo.operatory_id}   patient ${demo.patient_id}   appointment type ${demo.appointment_type_id}`,
    `  record system   ${demo.sandbox_url} (a simulated practice)`,
    '',
    'Book, confirm and cancel with curl:',
    `  TOKEN=$(curl -s -X POST -H 'Authorization: ${key}' ${url}/authenticates | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')`,
    `  ID=$(${curl} -d '${booking(demo, byCurl)}' '${url}/appointments?${where}' | sed 's/.*"appt":{"id":\\([0-9]*\\),.*/\\1/'); echo "booked $ID"`,
    `  ${curl} -X PATCH -d '${confirming}' ${url}/appointments/$ID'?subdomain=${subdomain}'; echo`,
    `  ${curl} -X PATCH -d '${cancelling}' ${url}/appointments/$ID'?subdomain=${subdomain}'; echo`,
    '',
    'Or without leaving the house:',
    `  ID=$(./slotbridge call ${option}--pick data.appt.id POST '/appointments?location_id=${demo.location_id}' '${booking(demo, byCall)}'); echo "booked $ID"`,
    `  ./slotbridge call ${option}PATCH /appointments/$ID '${confirming}'`,
    `  ./slotbridge call ${option}PATCH /appointments/$ID '${cancelling}'`,
    '',
    'See webhooks arrive, with their signatures checked:',
    `  ./slotbridge webhooks listen${option === '' ? '' : ` ${option.trim()}`}`,
    '',
  ]
}

const confirming = '{"appt":{"confirmed":true}}'
const cancelling = '{"appt":{"cancelled":true}}'

function booking(demo: DemoFile, start: string): string {
  const { patient_id, provider_id, operatory_id, appointment_type_id } = demo
  return JSON.stringify({
    appt: { patient_id, provider_id, operatory_id, appointment_type_id, start_time: start },
  })
}

/** For a shell. */
function quote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
