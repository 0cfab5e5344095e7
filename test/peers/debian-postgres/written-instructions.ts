/** What docs/operations/backup.md tells people to type, taken from there, with other folders. */
import { readFileSync } from 'node:fs'

const text = readFileSync(new URL('../../../docs/operations/backup.md', import.meta.url), 'utf8')

export interface Instructions {
  /** Lines of postgresql.conf. */
  settings: string
  backup: string
  restore: string
}

/** @param folder stands for `/backup` */
export function backupInstructions(folder: string): Instructions {
  const section = text.split('## PostgreSQL of your own (Debian)')[1]?.split('\n## ')[0] ?? ''
  const blocks = [...section.matchAll(/```(?:sh)?\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  const [settings, backup, restore] = blocks.map((block) => block.replaceAll('/backup/', `${folder}/`))
  if (!settings || !backup || !restore || blocks.length !== 3)
    throw new Error('backup.md tells it in other blocks than before')
  return { settings, backup, restore }
}
