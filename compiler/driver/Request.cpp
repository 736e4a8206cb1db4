// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Request.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn::driver;

char UsageError::ID;
char ReportedError::ID;

void UsageError::log(raw_ostream &out) const { out << text; }

Error attn::driver::usageError(const Twine &text) { return make_error<UsageError>(text); }
Error attn::driver::inputError(const Twine &text) { return createStringError(inconvertibleErrorCode(), text); }

Exit attn::driver::fail(Exit status, const Twine &text) {
  errs() << "attnc: " << text << '\n';
  return status;
}

Exit attn::driver::fail(Error error) {
  if (error.isA<ReportedError>()) {
    errs() << toString(std::move(error));
    return WrongInput;
  }
  Exit status = error.isA<UsageError>() ? WrongUsage : WrongInput;
  return fail(status, toString(std::move(error)));
}
