#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/keys.h"

// What an app's things on the server are called, how they are known as ours, and its passwords. All
// of it is computed from names and the installation's key: the same at every call, nothing stored.
namespace fairlead::rabbitmq {

// A user has one password only, so each rotation is a user of its own: "blog", then "blog.2". App
// names have no dot, so that no app's name is another's user.
struct Account {
  std::string app;
  int rotation = 1;

  std::string user() const;
  bool operator==(const Account&) const = default;
};

// Nothing for a name that no account of ours can have ("Blog", "blog.1", "blog.02"), or that means
// something else in a path of the management API ("bulk-delete").
std::optional<Account> parse_account(std::string_view user);

// What an app may be called: [a-z][a-z0-9-]{0,39}.
bool is_app_name(std::string_view name);

// The tag that makes a user or vhost ours: "fairlead-INSTALLATION-SIGNATURE", the signature 16
// digits over `kind` ("user", "vhost") and name. As a user's tag it gives no rights: the server
// knows other words for those.
std::string owner_tag(const Keys& keys, std::string_view kind, std::string_view name);

// The tag that says whose a vhost is: "fairlead-of-OWNER-SIGNATURE", the owner as owner_mark() has
// it (owners.h).
std::string folder_tag(const Keys& keys, const std::string& vhost, const std::string& owner);
// The owner that one of the tags says and proves; empty: none does.
std::string owner_in(const Keys& keys, const std::string& vhost,
                     const std::vector<std::string>& tags);

Secret password_of(const Keys& keys, const Account& account);

// The server's own form, rabbit_password_hashing_sha256: base64(salt ‖ SHA-256(salt ‖ password)),
// salt being 4 bytes.
std::string hash_password(std::string_view salt, const Secret& password);

// The salt is derived too, so that the hash is always the same text.
std::string password_hash_of(const Keys& keys, const Account& account);

inline constexpr char hashing_algorithm[] = "rabbit_password_hashing_sha256";

}  // namespace fairlead::rabbitmq
