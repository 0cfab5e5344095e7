/** All stories that a connector is judged by, in the order in which they are best read. */
import { readingStories } from './reading-stories.ts'
import type { Story } from './story.ts'
import { truthStories } from './truth-stories.ts'
import { writingStories } from './writing-stories.ts'

export const stories: Story[] = [...readingStories, ...writingStories, ...truthStories]
