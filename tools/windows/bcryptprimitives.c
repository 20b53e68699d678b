/* The one function of Windows' bcryptprimitives.dll that Rust's standard library takes from it, for a wine that lacks
   the file: it is laid beside the program. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) {
    return RtlGenRandom(data, (ULONG)size);
}
