#pragma once

#include <map>
#include <string>

#include "reconciler/json.h"
#include "reconciler/result.h"

// Asks the daemon over its control socket; what the command line uses. Blocking.
namespace fairlead::live {

struct ControlAnswer {
  int status = 0;  // an HTTP status; above 299 `body` has "error"
  Json body;
};

// Errors: unavailable (nobody listens, or no answer), denied (no permission for the socket); each
// says what to do.
Result<ControlAnswer> ask(const std::string& socket_path, const std::string& verb,
                          const std::map<std::string, std::string>& words);

}  // namespace fairlead::live
