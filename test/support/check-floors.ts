/** `npm run floors`. */
import { checkFloors } from './floors.ts'

const { modules, problems } = await checkFloors()
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.stdout.write(`floors: ${modules} modules, ${problems.length} problems\n`)
process.exitCode = problems.length > 0 ? 1 : 0
