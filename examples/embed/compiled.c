// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* compiled [CACHE-DIR]: a kernel from a text in the program, compiled in process. First a wrong text, to show what a
 * program learns about it.
 *
 * The rows of A are averaged: O[a] = mean[b] A[a,b]. */
#include <attnc/attnc.h>
#include <attnc/attnc_compiler.h>
#include <stdio.h>
#include <string.h>

static const char wrong[] = "kernel rows(A: f32[a,b]) -> O: f32[a] {\n"
                            "  O[a] = mean[b] A[a]\n"
                            "}\n";
static const char right[] = "kernel rows(A: f32[a,b]) -> O: f32[a] {\n"
                            "  O[a] = mean[b] A[a,b]\n"
                            "}\n";

static void showDiagnostics(const attnc_compilation *compilation) {
  for (size_t i = 0; i < attnc_compilation_num_diagnostics(compilation); ++i) {
    const attnc_diagnostic *d = attnc_compilation_diagnostic(compilation, i);
    if (d->severity != ATTNC_SEVERITY_ERROR)
      continue;
    printf("line %d, column %d of %s: %s\n", d->line, d->column, d->file, d->message);
    for (size_t n = 0; n < d->num_notes; ++n)
      printf("  line %d, column %d: %s\n", d->notes[n].line, d->notes[n].column, d->notes[n].message);
  }
}

static int call(attnc_context *context, const char *path) {
  attnc_module *module; /* freed with the context */
  if (attnc_load(context, path, &module))
    return 1;
  float in[2][3] = {{1, 2, 3}, {4, 5, 9}}, out[2];
  int64_t inShape[] = {2, 3}, outShape[] = {2};
  DLTensor a = {in, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, inShape, NULL, 0};
  DLTensor o = {out, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, outShape, NULL, 0};
  attnc_arg args[] = {ATTNC_TENSOR("A", &a), ATTNC_TENSOR("O", &o)};
  attnc_kernel *kernel = attnc_find(module, "rows");
  if (!kernel || attnc_call(kernel, args, 2))
    return 1;
  printf("means: %g %g\n", out[0], out[1]);
  return 0;
}

static int run(const attnc_compile_options *options) {
  attnc_compilation *compilation;
  if (attnc_compile(wrong, strlen(wrong), "rows", options, &compilation) == ATTNC_COMPILE_BAD_SPEC)
    showDiagnostics(compilation);
  attnc_compilation_destroy(compilation);

  attnc_context *context = NULL;
  attnc_compile_status status = attnc_compile(right, strlen(right), "rows", options, &compilation);
  int failed = status != ATTNC_COMPILE_OK || attnc_create(NULL, &context) != ATTNC_OK;
  if (status != ATTNC_COMPILE_OK) {
    fputs(attnc_compilation_text(compilation), stderr);
  } else if (!failed) {
    failed = call(context, attnc_compilation_path(compilation));
    if (failed)
      fprintf(stderr, "%s\n", attnc_message(context));
    printf("%s\n", attnc_compilation_from_cache(compilation) ? "from the cache" : "compiled");
  }
  attnc_compilation_destroy(compilation); /* the loaded module stays */
  attnc_destroy(context);
  return failed;
}

int main(int argc, char **argv) {
  attnc_compile_options *options = attnc_compile_options_create();
  if (argc > 1)
    attnc_compile_set(options, "cache-dir", argv[1]);
  int failed = attnc_compile_set(options, "bind", "B=3") != ATTNC_COMPILE_OK || run(options);
  if (*attnc_compile_options_message(options))
    fprintf(stderr, "%s\n", attnc_compile_options_message(options));
  attnc_compile_options_destroy(options);
  return failed;
}
