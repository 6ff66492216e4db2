#pragma once

#include <string>
#include <string_view>

#include "reconciler/keys.h"

// By what an app's database and account are known as this installation's. All of it is derived from
// the installation's key, so that nothing has to be kept. A database carries its mark as comment.
// An account has room for none: it is known by its passwords. Pure.
namespace fairlead::mariadb {

// What the server stores: `*` and SHA1(SHA1(password)) as 40 upper-case hex digits.
std::string password_hash(const Secret& password);

Secret app_password(const Keys& keys, const std::string& app, int rotation);

// "fairlead INSTALLATION APP OWNER SIGNATURE", the owner as owner_mark() has it (owners.h); without
// it, as earlier versions made it, where `owner` is empty.
std::string database_comment(const Keys& keys, const std::string& app, const std::string& owner);
// The owner that such a comment says, unproven; empty: none.
std::string owner_in(const std::string& comment);

// The hashes of one app's account. `wanted` is the rotation that the manifest says, or 0.
class Passwords {
 public:
  Passwords(const Keys& keys, std::string app, int wanted);

  std::string current() const;  // of the wanted rotation
  // A hash of which nobody knows the password. Beside the wanted one it says that sessions of
  // earlier passwords are still to be ended; so a crash in between is finished.
  std::string tombstone() const;
  // Whether it is one of ours: the tombstone, or a rotation up to 64, or 8 beyond the wanted one.
  bool ours(std::string_view hash) const;

 private:
  const Keys& keys_;
  std::string app_;
  int wanted_;
};

}  // namespace fairlead::mariadb
