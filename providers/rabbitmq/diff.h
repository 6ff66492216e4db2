#pragma once

#include "providers/provider.h"
#include "providers/rabbitmq/seen.h"

// What one app wants against what is seen of it. Level-triggered: every step follows from what is
// seen alone, so that each may be lost or done twice.
//  1. What is foreign is never touched; in the way, it is a conflict that holds up what is new.
//  2. A user goes when nothing runs that knows it: its connections end with it.
//  3. A vhost holds data: it goes only where that was asked for, and after its users.
namespace fairlead::rabbitmq {

void diff_app(const Keys& keys, const View& view, Plan& plan, Report& report);

}  // namespace fairlead::rabbitmq
