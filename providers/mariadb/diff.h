#pragma once

#include "providers/provider.h"

// What is wanted and what is seen → the statements that mend it. Pure. The account is the part with
// a life of its own:
//
//   passwords that open it              when                              what is done
//   {}                                  wanted                            create with {new}
//   {old}                               earlier revisions still run       {old, new}
//   {old, new}                          earlier revisions still run       nothing: containers roll
//   {old, new}                          settled                           {new, tombstone}
//   {new, tombstone}                    settled                           end old sessions, {new}
//   {anything by hand}                                                    {new}, and old where it
//   runs
//
// Each state says by itself what is next, so that a crash at any point is finished by looking. A
// removal is locked → sessions ended → (with drop_data) account dropped → database dropped.
// Sessions are looked at only after the lock, or after the tombstone, because until then new ones
// may come.
namespace fairlead::mariadb {

void diff_app(const Keys& keys, const View& view, Plan& plan, Report& report);
// The app is no longer wanted: its account is locked; database and account go only with drop_data.
void diff_removal(const Keys& keys, const View& view, Plan& plan, Report& report);

}  // namespace fairlead::mariadb
