#include "reconciler/result.h"

namespace fairlead {

const char* code_name(Code code) {
  switch (code) {
    case Code::invalid:
      return "invalid";
    case Code::conflict:
      return "conflict";
    case Code::denied:
      return "denied";
    case Code::not_found:
      return "not_found";
    case Code::unavailable:
      return "unavailable";
    case Code::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace fairlead
