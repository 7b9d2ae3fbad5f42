### Páginas do servidor para pessoas. São HTML: sem sinais que ele leia como seus.

page-sign-in = Entrar
page-code = O código que o programa mostra:
page-next = Continuar
page-nothing-waits = Nenhuma entrada aguarda sob este código. Ele pode ter expirado ou já ter sido decidido. Olhe o programa e comece de novo se preciso.
page-asks = Este programa pede para agir em seu nome:
page-from = O pedido veio do endereço { $address }. Pedido em { $since }, espera até { $until }.
page-if-you = Se foi você que o iniciou, há instantes: passe este código a um operador deste servidor, pessoalmente ou numa ligação que você fez. Ele executa
page-if-not = Se outra pessoa lhe enviou este código ou esta página: não faça nada e avise o suporte. Quem o enviou agiria em seu nome.
page-no-browser = Aqui não se entra pelo navegador
page-no-browser-text = Este servidor não guarda senhas. Use o fluxo de código de dispositivo do seu programa (DeviceCodeCredential, chaveiro login) ou um provedor de identidade em que o servidor confie.
page-sign-out = Sair
page-sign-out-text = O navegador não está com sessão aberta aqui; não há o que encerrar. Saia no programa: chaveiro logout.
page-error = O que um erro significa
page-unknown-error = Este servidor não tem erro com esse número.
