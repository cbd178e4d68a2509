const deadlineMs = 1_000;

/** Whether the service at this URL says that it is ready; false also when it does not answer within a second. */
export async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/health/ready', url), {
      redirect: 'error',
      signal: AbortSignal.timeout(deadlineMs),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
