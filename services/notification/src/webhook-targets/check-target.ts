import { deadline, type ProblemError, problem } from '@florin/service';
import { type Resolve, resolveHost, TargetRefused } from './resolve-host.ts';
import { hostOf, type PrivateTargets, urlFault } from './target-url.ts';

/** Where webhooks may go, and who knows what a name stands for. */
export interface TargetRules {
  readonly privateTargets: PrivateTargets;
  readonly resolve: Resolve;
}

const longestLookupMs = 1_000;

/**
 * The refusal of a URL that nothing would be sent to; undefined where there is none. A name that nobody knows yet is taken:
 * what it stands for is looked at again before every attempt, and that is what counts.
 */
export async function targetProblem(url: string, rules: TargetRules): Promise<ProblemError | undefined> {
  const fault = urlFault(url, rules.privateTargets);
  if (fault !== undefined) return notAllowed(fault);
  try {
    await deadline(resolveHost(hostOf(new URL(url)), rules), longestLookupMs);
  } catch (error) {
    if (error instanceof TargetRefused) return notAllowed('The URL must lead to a server of the public internet.');
  }
  return undefined;
}

const notAllowed = (detail: string) => problem('webhook_url_not_allowed', detail);
