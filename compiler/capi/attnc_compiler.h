// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* The compiler in a program: a spec's text becomes an artifact, or diagnostics as data. Plain C11 and opaque handles;
 * attnc.h is the runtime, which calls what is made here. The command line tool compiles in the same way.
 *
 *   attnc_compile_options *options = attnc_compile_options_create();
 *   attnc_compile_set(options, "bind", "E=128,F=128");
 *   attnc_compilation *made;
 *   if (attnc_compile(text, strlen(text), "mha.attn", options, &made) == ATTNC_COMPILE_OK)
 *     attnc_load(ctx, attnc_compilation_path(made), &module);
 *   else
 *     fputs(attnc_compilation_text(made), stderr);
 *   attnc_compilation_destroy(made);
 *   attnc_compile_options_destroy(options);
 *
 * Threads: attnc_compile may be called from several threads at once, with the same options too as long as nobody
 * changes them. It uses the calling thread alone.
 * Nothing here prints or exits. Exceptions are those of LLVM: where it runs out of memory, or finds itself broken, it
 * aborts. While it links, LLVM has handlers for signals that remove the temporary files; they hand the signal on to
 * those that were there before. Texts are UTF-8 where the spec is, and end in a zero byte. */
#ifndef ATTNC_COMPILER_H
#define ATTNC_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct attnc_compile_options attnc_compile_options;
typedef struct attnc_compilation attnc_compilation; /* what became of one spec */

typedef enum {
  ATTNC_COMPILE_OK = 0,
  ATTNC_COMPILE_INVALID_USE,   /* a null pointer */
  ATTNC_COMPILE_OUT_OF_MEMORY, /* for a handle */
  ATTNC_COMPILE_BAD_OPTION,    /* an option that there is not, or a wrong value */
  ATTNC_COMPILE_BAD_SPEC,      /* the spec is wrong, or uses what is not lowered yet: the diagnostics say where */
  ATTNC_COMPILE_FAILED         /* anything else: no temporary file, an object that cannot be linked */
} attnc_compile_status;

/* All defaults: the best target that runs here, nothing bound, types f32, the user's cache. Null without memory. */
attnc_compile_options *attnc_compile_options_create(void);
/* Null is allowed. */
void attnc_compile_options_destroy(attnc_compile_options *options);

/* Sets an option; names, values and messages are those of the command line, without the dashes:
 *
 * - "target": "cpu:x86-64-v3"; the default is the best that runs here
 * - "kernel": only this kernel of the spec
 * - "type": "T=f16,U=f32", element types of the kernel's type parameters
 * - "bind": "E=128,window=256", extents, and scalars that the spec declares const; other scalars are arguments of
 *   the call
 * - "tile": "p=64,m=256", block sizes in place of the compiler's choice
 * - "exact-factors": the value is ignored; no factor of a contraction is rounded to the other's type
 * - "emit": one of "so" (the default), "obj", "header", "asm", "llvm", "mlir"
 * - "stem": for "obj" and "header"; the object defines attnc_artifact_STEM. The default is made of the file name
 * - "cache-dir": where artifacts are kept between processes; the default is $ATTNC_CACHE_DIR, else
 *   $XDG_CACHE_HOME/attnc, else ~/.cache/attnc. Who can write there can have code run
 * - "no-cache": the value is ignored; compiles anew, keeps nothing
 *
 * Lists add up over several calls. `value` may be null where it is ignored. After an error the option is as undefined
 * as its value was, and attnc_compile refuses these options with the same message. */
attnc_compile_status attnc_compile_set(attnc_compile_options *options, const char *name, const char *value);
/* The first thing wrong with the options, "" if nothing is: one line without a full stop. Valid as long as they are. */
const char *attnc_compile_options_message(const attnc_compile_options *options);

/* Compiles a spec, or takes the artifact from the cache. `text` has `size` bytes and needs no zero byte; `file` is what
 * messages call it (null: "spec"), no file is read. `options` may be null. *made is set unless the status is
 * ATTNC_COMPILE_INVALID_USE or ATTNC_COMPILE_OUT_OF_MEMORY, also after other failures: for the diagnostics. */
attnc_compile_status attnc_compile(const char *text, size_t size, const char *file,
                                   const attnc_compile_options *options, attnc_compilation **made);
/* Frees it with all that its functions returned, and removes the file of attnc_compilation_path. A module that was
 * loaded from there stays. Null is allowed. */
void attnc_compilation_destroy(attnc_compilation *compilation);

/* The file that was made, and how many bytes it has; of "so" to be written to a file and loaded, of "obj" to be linked.
 * Null, with size 0, if the compilation failed. */
const char *attnc_compilation_bytes(const attnc_compilation *compilation, size_t *size);
/* A file with these bytes, for attnc_load: in $TMPDIR or /tmp, made by the first call, readable for this user only.
 * Null if the compilation failed or the file cannot be written. Of one compilation, call it from one thread at a time.
 */
const char *attnc_compilation_path(attnc_compilation *compilation);
/* 1 if it came from the cache and nothing was compiled. */
int attnc_compilation_from_cache(const attnc_compilation *compilation);
/* What the cache had to do with it, in one line: "from FILE", "kept as FILE", "nothing kept: DIR: Permission denied";
 * "" without a cache. */
const char *attnc_compilation_cache_note(const attnc_compilation *compilation);

typedef enum { ATTNC_SEVERITY_ERROR = 1, ATTNC_SEVERITY_WARNING, ATTNC_SEVERITY_REMARK } attnc_severity;

typedef struct {
  const char *file; /* as given to attnc_compile; "" where there is no place, "prelude" in the compiler's own defs */
  int32_t line, column; /* from 1, columns in code points; 0 where there is no place */
  const char *message;  /* lower case, no full stop */
} attnc_diagnostic_note;

typedef struct {
  attnc_severity severity;
  const char *file; /* as in a note; of remarks the place is part of the message */
  int32_t line, column;
  const char *message;
  const char *help; /* what to write instead; "" if that is not known */
  const attnc_diagnostic_note *notes;
  size_t num_notes;
} attnc_diagnostic;

/* Errors and warnings in the order of their places, then remarks: what the compiler says about its choices. */
size_t attnc_compilation_num_diagnostics(const attnc_compilation *compilation);
/* Null past the last. Valid as long as the compilation. */
const attnc_diagnostic *attnc_compilation_diagnostic(const attnc_compilation *compilation, size_t index);
/* Errors and warnings as the command line prints them, with lines of the spec and carets; "" if there are none. */
const char *attnc_compilation_text(const attnc_compilation *compilation);

/* A few words for a status. */
const char *attnc_compile_status_text(attnc_compile_status status);
/* "0.1.0" */
const char *attnc_compiler_version(void);

#ifdef __cplusplus
}
#endif
#endif
