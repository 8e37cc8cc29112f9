export { cronJobDef } from './cron-job.ts'
export { jobDef } from './job.ts'
