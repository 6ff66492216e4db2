#pragma once

#include <string>
#include <string_view>

#include "reconciler/secret.h"

// The identity of this installation and all that is derived from its key. Read once from the state
// folder; immutable. Losing the key means that nothing on the host is recognised as ours any more,
// so it is the one thing to back up.
namespace fairlead {

class Keys {
 public:
  // `installation`: 16 hex digits, stands in labels. `key`: 32 random bytes.
  Keys(std::string installation, Secret key);

  const std::string& installation() const { return installation_; }

  // HMAC-SHA256 of `text` under the key, as 64 lower-case hex digits. `purpose` separates the uses,
  // so that the digest of one can never stand for another.
  std::string digest(std::string_view purpose, std::string_view text) const;

  // HKDF-SHA256 (RFC 5869) of the key with `info` = `purpose`, as `characters` of [A-Za-z0-9]: the
  // same at every call.
  Secret derive(std::string_view purpose, std::size_t characters) const;

 private:
  std::string installation_;
  Secret key_;
};

}  // namespace fairlead
