### Pages of the server for people. They are HTML: no signs that it reads as its own.

page-sign-in = Sign in
page-code = The code that the program shows:
page-next = Continue
page-nothing-waits = No sign-in waits under this code. It may be over, or decided already. Look at the program and begin again if needed.
page-asks = This program asks to act for you:
page-from = The request came from the address { $address }. Asked at { $since }, waits until { $until }.
page-if-you = If you started it yourself, a moment ago: give an operator of this server this code, in person or in a call that you began. The operator runs
page-if-not = If another person sent you this code or this page: do nothing, and tell your help desk. The sender would act in your name.
page-no-browser = There is no sign-in in the browser here
page-no-browser-text = This server keeps no passwords. Use the device code flow of your program (DeviceCodeCredential, chaveiro login), or an identity provider that the server trusts.
page-sign-out = Sign out
page-sign-out-text = The browser is not signed in here, so there is nothing to end. Sign out in the program: chaveiro logout.
page-error = The meaning of an error
page-unknown-error = This server has no error of that number.
